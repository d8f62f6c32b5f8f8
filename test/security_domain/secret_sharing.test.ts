import { randomBytes } from 'node:crypto';
import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import {
  combineShares,
  readShare,
  type Share,
  splitSecret,
  writeShare,
} from '../../src/security_domain/secret_sharing.ts';
import { campaign } from '../campaigns/campaign.ts';

const FIELD = 257;

function disagree(t: import('ava').ExecutionContext, attempt: () => unknown, what?: string): void {
  const error = t.throws(attempt, { instanceOf: StrongroomError, code: 'BadParameter' }, what);
  t.is(error.innerCode, 'SharesDisagree', what);
}

/** Every choice of `count` of the items. */
function choices<Item>(items: readonly Item[], count: number): Item[][] {
  if (count === 0) return [[]];
  return items.flatMap((item, at) => choices(items.slice(at + 1), count - 1).map((rest) => [item, ...rest]));
}

for (const [required, count] of [
  [2, 3],
  [3, 5],
  [5, 5],
  [10, 10],
] as const) {
  test(`any ${required} of ${count} shares bring the secret back, in any order and in their written form`, (t) => {
    const secret = randomBytes(32);
    const shares = splitSecret(secret, required, count).map((share) => readShare(writeShare(share)));
    for (const chosen of choices(shares, required)) t.deepEqual(Buffer.from(combineShares(chosen.reverse())), secret);
    t.deepEqual(Buffer.from(combineShares(shares)), secret, 'more than are required do as well');
  });
}

test('bytes at both ends of the field survive', (t) => {
  for (const byte of [0, 1, 254, 255]) {
    const secret = new Uint8Array(4).fill(byte);
    t.deepEqual(combineShares(splitSecret(secret, 2, 3)), secret);
  }
});

test('a written share is 16 bits a byte, little-endian, the index in the upper seven', (t) => {
  t.deepEqual([...writeShare({ index: 3, values: [256, 1] })], [0x00, 0x07, 0x01, 0x06]);
  t.deepEqual(readShare(Uint8Array.of(0x00, 0x07, 0x01, 0x06)), { index: 3, values: [256, 1] });
});

/** Sum of squared differences from even, in standard deviations of what chance gives. */
function deviation(counts: readonly number[], total: number): number {
  const expected = total / counts.length;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = counts.length - 1;
  return (chiSquare - freedom) / Math.sqrt(2 * freedom);
}

campaign('secret_sharing', (t, run) => {
  for (const byte of [0, 0x80, 255]) {
    const secret = Uint8Array.of(byte);
    const single = new Array<number>(FIELD).fill(0);
    const mixed = [1, 2, 128, 256].map(() => new Array<number>(FIELD).fill(0));
    for (let split = 0; split < run.count; split++) {
      const [first, second] = splitSecret(secret, 3, 3) as [Share, Share, Share];
      const [a, b] = [first.values[0] as number, second.values[0] as number];
      single[a] = (single[a] as number) + 1;
      for (const [which, factor] of [1, 2, 128, 256].entries()) {
        const counts = mixed[which] as number[];
        const cell = (a + factor * b) % FIELD;
        counts[cell] = (counts[cell] as number) + 1;
      }
    }
    for (const counts of [single, ...mixed]) {
      const deviated = deviation(counts, run.count);
      t.true(Math.abs(deviated) < 7, `the secret ${byte} shows: ${deviated} standard deviations`);
    }
  }
  run.done = run.count;
});

test('coefficients are fresh for each byte: equal bytes have different shares', (t) => {
  const [share] = splitSecret(new Uint8Array(64).fill(7), 2, 3) as [Share];
  t.true(new Set(share.values).size > 20);
});

test('shares that do not belong together are refused, or give another secret', (t) => {
  const secret = randomBytes(32);
  const [first, second, third] = splitSecret(secret, 2, 3) as [Share, Share, Share];
  const [, otherSecond] = splitSecret(randomBytes(32), 2, 3) as [Share, Share, Share];
  disagree(t, () => combineShares([]));
  disagree(t, () => combineShares([first, first]), 'one twice');
  disagree(t, () => combineShares([first, { index: 2, values: second.values.slice(1) }]), 'of another length');
  for (const wrong of [otherSecond, { ...second, values: second.values.map((value) => (value + 1) % FIELD) }]) {
    try {
      t.notDeepEqual(Buffer.from(combineShares([first, wrong, third])), secret);
    } catch (error) {
      t.is((error as StrongroomError).innerCode, 'SharesDisagree');
    }
  }
});

test('a damaged share is no share', (t) => {
  const good = writeShare({ index: 2, values: [1, 2, 3] });
  const damaged: [string, (bytes: Uint8Array) => Uint8Array][] = [
    ['nothing', () => new Uint8Array()],
    ['half a value', (bytes) => bytes.subarray(1)],
    ['another index in the middle', (bytes) => bytes.fill(0x08, 3, 4)],
    ['a value outside of the field', (bytes) => bytes.fill(0xff, 2, 3).fill(0x05, 3, 4)],
    ['the index 0', (bytes) => bytes.map((byte, at) => (at % 2 === 1 ? byte & 1 : byte))],
    ['the index 127', (bytes) => bytes.map((byte, at) => (at % 2 === 1 ? byte | 0xfe : byte))],
  ];
  for (const [what, damage] of damaged) disagree(t, () => readShare(damage(Uint8Array.from(good))), what);
});

test('a quorum that cannot be is a mistake of the program', (t) => {
  for (const [required, count] of [
    [1, 3],
    [4, 3],
    [2, 127],
    [Number.NaN, 3],
  ] as const) {
    t.throws(() => splitSecret(new Uint8Array(1), required, count), { instanceOf: TypeError });
  }
});
