import test, { type ExecutionContext } from 'ava';
import type { ContenderProcess } from '../../bench/contender_process.ts';
import { findContender } from '../../bench/contenders.ts';
import type { OpenLoopCommand, OpenLoopSlice } from '../../bench/protocol.ts';
import { makeScratchToken } from '../../bench/scratch_token.ts';
import { startContender } from '../../bench/start_contender.ts';

async function rawLoop(t: ExecutionContext): Promise<ContenderProcess> {
  const token = await makeScratchToken({ allMechanisms: false });
  t.teardown(() => token.remove());
  const process = await startContender(findContender('raw-2x1'), token);
  t.teardown(() => process.close());
  return process;
}

const openLoop = (process: ContenderProcess, command: OpenLoopCommand): Promise<OpenLoopSlice> =>
  process.ask<OpenLoopSlice>({ command: 'openLoop', ...command });

test.serial('the C loop takes arrivals at a fixed rate, and is of use afterwards', async (t) => {
  const process = await rawLoop(t);
  const command = { operation: 'hmac-sha256', ratePerSecond: 1_000, warmUpMs: 50, measureMs: 100 } as const;
  const started = performance.now();
  const slice = await openLoop(process, command);
  t.true(performance.now() - started >= 149, 'the last of 150 is due after 149 ms');
  t.is(slice.operations, 100, 'what warms up is not counted');
  t.true(slice.p50Ms > 0 && slice.p50Ms <= slice.p99Ms && slice.p99Ms <= slice.maximumMs, JSON.stringify(slice));
  t.is((await openLoop(process, command)).operations, 100);
  const closed = await process.ask<{ operations: number }>({
    command: 'measure',
    operation: 'hmac-sha256',
    inFlight: 2,
    warmUpMs: 0,
    measureMs: 50,
  });
  t.true(closed.operations > 0);
});

test.serial('what comes faster to the C loop than it can serve counts its wait', async (t) => {
  const process = await rawLoop(t);
  // Nobody signs a thousand times in a tenth of a second with RSA on two cores.
  const command = { operation: 'rsa-2048', ratePerSecond: 100_000, warmUpMs: 0, measureMs: 10 } as const;
  const started = performance.now();
  const slice = await openLoop(process, command);
  const tookMs = performance.now() - started;
  t.is(slice.operations, 1_000);
  t.true(slice.maximumMs <= tookMs && slice.maximumMs >= (tookMs - 10) / 2, `${slice.maximumMs} of ${tookMs} ms`);
  t.true(slice.p50Ms >= slice.maximumMs / 4, `p50 ${slice.p50Ms}, at most ${slice.maximumMs} ms`);
});

test.serial('the C loop refuses a rate of none', async (t) => {
  const process = await rawLoop(t);
  const command = { operation: 'rsa-2048', ratePerSecond: 0, warmUpMs: 0, measureMs: 10 } as const;
  await t.throwsAsync(openLoop(process, command), { message: /ratePerSecond/ });
});
