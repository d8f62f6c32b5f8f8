import test from 'ava';
import { AttemptBudget } from '../../../src/identity/embedded/attempt_budget.ts';

function budget() {
  const clock = { nowMs: 1_000_000 };
  return { clock, attempts: new AttemptBudget(() => clock.nowMs) };
}

function takeAll(attempts: AttemptBudget, address: string): number {
  let taken = 0;
  while (attempts.take(address)) taken++;
  return taken;
}

test('an address has twenty guesses at once, then one every five seconds', (t) => {
  const { clock, attempts } = budget();
  t.is(takeAll(attempts, '192.0.2.1'), 20);
  clock.nowMs += 4_999;
  t.false(attempts.take('192.0.2.1'));
  clock.nowMs += 1;
  t.true(attempts.take('192.0.2.1'));
  t.false(attempts.take('192.0.2.1'));
  clock.nowMs += 24 * 60 * 60 * 1000;
  t.is(takeAll(attempts, '192.0.2.1'), 20);
});

test('another address has its own', (t) => {
  const { attempts } = budget();
  takeAll(attempts, '192.0.2.1');
  t.true(attempts.take('192.0.2.2'));
});

test('what was no guess is given back, and never more than that', (t) => {
  const { attempts } = budget();
  for (let n = 0; n < 100; n++) {
    t.true(attempts.take('192.0.2.1'));
    attempts.giveBack('192.0.2.1');
  }
  attempts.giveBack('192.0.2.1');
  t.is(takeAll(attempts, '192.0.2.1'), 20);
});

const SAME: readonly [string, string][] = [
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
  ['2001:db8::1', '2001:db8:0:0:1::'],
  ['fe80::1%eth0', 'fe80::2'],
];

for (const [one, other] of SAME) {
  test(`${one} and ${other} share one budget`, (t) => {
    const { attempts } = budget();
    takeAll(attempts, one);
    t.false(attempts.take(other));
  });
}

test('two networks of IPv6 do not', (t) => {
  const { attempts } = budget();
  takeAll(attempts, '2001:db8:1:2::1');
  t.true(attempts.take('2001:db8:1:3::1'));
  t.true(attempts.take('::1'));
});

test('so many addresses are remembered and no more', (t) => {
  const { attempts } = budget();
  takeAll(attempts, '192.0.2.1');
  for (let n = 0; n < 10_000; n++) attempts.take(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
  t.true(attempts.take('192.0.2.1'));
});
