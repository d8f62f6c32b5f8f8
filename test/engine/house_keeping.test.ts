import test from 'ava';
import { HouseKeepingTimer } from '../../src/engine/house_keeping.ts';

test('rounds come one after the other until the timer is stopped', async (t) => {
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  let rounds = 0;
  let underWay = 0;
  const timer = new HouseKeepingTimer(async () => {
    rounds += 1;
    underWay += 1;
    t.is(underWay, 1);
    await new Promise(setImmediate);
    underWay -= 1;
    if (rounds === 5) resolve();
  }, 1);
  await enough;
  await timer.stop();
  t.is(underWay, 0);
  const before = rounds;
  await new Promise((tick) => setTimeout(tick, 20));
  t.is(rounds, before);
});

test('to stop waits for the round that is under way, and tells it', async (t) => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<AbortSignal>();
  let ended = false;
  const timer = new HouseKeepingTimer(async (signal) => {
    begin(signal);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    ended = true;
  }, 1);
  const signal = await begun;
  t.false(signal.aborted);
  await timer.stop();
  t.true(ended);
});

test('a timer that is stopped before its first round has none', async (t) => {
  let rounds = 0;
  const timer = new HouseKeepingTimer(async () => {
    rounds += 1;
  }, 1);
  await timer.stop();
  await new Promise((tick) => setTimeout(tick, 10));
  t.is(rounds, 0);
});
