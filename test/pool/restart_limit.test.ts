import test from 'ava';
import { RestartLimit } from '../../src/pool/restart_limit.ts';

const MINUTE = 60_000;

test('five deaths within a minute are followed by restarts, the sixth by a rest', (t) => {
  const limit = new RestartLimit();
  for (let death = 0; death < 5; death++) {
    limit.record(death * 1_000);
    t.is(limit.waitMs(death * 1_000), 0);
  }
  limit.record(5_000);
  t.is(limit.waitMs(5_000), MINUTE);
  t.is(limit.waitMs(5_000 + MINUTE), 0);
});

test('deaths that are further apart never stop a group', (t) => {
  const limit = new RestartLimit();
  for (let death = 0; death < 100; death++) {
    limit.record(death * 15_000);
    t.is(limit.waitMs(death * 15_000), 0);
  }
});

test('a death on trial doubles the rest, up to a quarter of an hour', (t) => {
  const limit = new RestartLimit({ restartsPerMinute: 0 });
  const rests: number[] = [];
  let now = 0;
  for (let death = 0; death < 7; death++) {
    limit.record(now);
    const restMs = limit.waitMs(now);
    rests.push(restMs / MINUTE);
    now += restMs + 1_000;
  }
  t.deepEqual(rests, [1, 2, 4, 8, 15, 15, 15]);
});

test('a minute on trial without a death ends the trial', (t) => {
  const limit = new RestartLimit({ restartsPerMinute: 1 });
  limit.record(0);
  limit.record(1);
  t.is(limit.waitMs(1), MINUTE);
  const later = 1 + 2 * MINUTE;
  limit.record(later);
  t.is(limit.waitMs(later), 0);
  limit.record(later + 1);
  t.is(limit.waitMs(later + 1), MINUTE);
});

test('deaths during the rest do not prolong it', (t) => {
  const limit = new RestartLimit({ restartsPerMinute: 0 });
  limit.record(0);
  limit.record(30_000);
  t.is(limit.waitMs(30_000), 30_000);
});

test('an operator ends the rest at once', (t) => {
  const limit = new RestartLimit({ restartsPerMinute: 0, coolDownMs: 1_000 });
  limit.record(0);
  t.is(limit.waitMs(0), 1_000);
  limit.reset();
  t.is(limit.waitMs(0), 0);
  limit.record(1);
  t.is(limit.waitMs(1), 1_000, 'and the next rest is as short as the first');
});
