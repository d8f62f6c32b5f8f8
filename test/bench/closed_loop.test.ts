import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { measureClosedLoop, measureClosedLoopSync } from '../../bench/contenders/closed_loop.ts';

const command = { operation: 'p-256', inFlight: 4, warmUpMs: 5, measureMs: 20 } as const;

test('a closed loop keeps as many operations in flight as it is told, each in a slot of its own', async (t) => {
  const busy = new Set<number>();
  let most = 0;
  const slice = await measureClosedLoop(async (slot) => {
    t.false(busy.has(slot));
    busy.add(slot);
    most = Math.max(most, busy.size);
    await nextTurn();
    busy.delete(slot);
  }, command);
  t.is(most, 4);
  t.is(busy.size, 0, 'nothing is left behind');
  t.true(slice.operations > 0);
  t.true(slice.elapsedNs >= 19e6);
});

test('what completes before the first mark and behind the second is not counted', async (t) => {
  let completed = 0;
  const slice = await measureClosedLoop(async () => {
    await nextTurn();
    completed++;
  }, command);
  t.true(slice.operations < completed);
});

test('an operation that fails ends the measurement with its error', async (t) => {
  const failure = new Error('the token is gone');
  await t.throwsAsync(
    measureClosedLoop(() => Promise.reject(failure), command),
    { is: failure },
  );
});

test('a loop of blocking calls counts those under the clock', async (t) => {
  let calls = 0;
  const slice = await measureClosedLoopSync(() => {
    calls++;
  }, command);
  t.true(slice.operations > 0);
  t.true(slice.operations < calls);
});
