import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { AsyncContender, SyncContender } from '../../bench/contenders/contender.ts';
import { measureOpenLoop } from '../../bench/contenders/open_loop.ts';

const command = { operation: 'p-256', ratePerSecond: 500, warmUpMs: 0, measureMs: 100 } as const;
const BLOCKED_MS = 60;

function contender(slots: number, perform: () => Promise<void>): AsyncContender {
  return { style: 'async', slots, open: async () => undefined, perform: () => perform, close: async () => undefined };
}

function block(): void {
  const until = performance.now() + BLOCKED_MS;
  while (performance.now() < until);
}

test('an open loop sends as many operations as the rate says, whatever becomes of them', async (t) => {
  let started = 0;
  const slice = await measureOpenLoop(
    contender(50, async () => {
      started++;
    }),
    command,
  );
  t.is(started, 50);
  t.is(slice.operations, 50);
});

test('what was due while the event loop was blocked counts its wait', async (t) => {
  let calls = 0;
  const blocking: SyncContender = {
    style: 'sync',
    open: async () => undefined,
    perform: () => () => {
      if (calls++ === 0) block();
    },
    close: async () => undefined,
  };
  const slice = await measureOpenLoop(blocking, command);
  // 30 of the 50 were due within the 60 ms; one that was due in the middle of them has waited for half of it.
  t.true(slice.p50Ms > 1, `p50 ${slice.p50Ms}`);
  t.true(slice.maximumMs >= BLOCKED_MS - 1);
});

test('an operation that waits for a free slot counts its wait', async (t) => {
  const slice = await measureOpenLoop(
    contender(1, () => delay(10).then(() => undefined)),
    command,
  );
  // One at a time at 10 ms each: the last of 50 that are due within 100 ms ends after half a second.
  t.true(slice.maximumMs > 300, `maximum ${slice.maximumMs}`);
});

test('an operation that fails ends the measurement with its error', async (t) => {
  const failure = new Error('the token is gone');
  await t.throwsAsync(
    measureOpenLoop(
      contender(8, () => Promise.reject(failure)),
      command,
    ),
    { is: failure },
  );
});
