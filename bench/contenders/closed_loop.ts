import { setTimeout as delay } from 'node:timers/promises';
import type { MeasureCommand, Slice } from '../protocol.ts';
import type { Perform, PerformSync } from './contender.ts';
import { childProcesses, cpuTimeUs } from './cpu_time.ts';
import { EventLoopDelay } from './event_loop_delay.ts';

/** Keeps `inFlight` operations going and counts those that complete between two timers, with the loop full at both. */
export async function measureClosedLoop(perform: Perform, command: MeasureCommand): Promise<Slice> {
  const children = childProcesses('self');
  let completed = 0;
  let running = true;
  const caller = async (slot: number): Promise<void> => {
    while (running) {
      await perform(slot);
      completed++;
    }
  };
  const callers = Promise.all(Array.from({ length: command.inFlight }, (_, slot) => caller(slot)));
  await Promise.race([delay(command.warmUpMs), callers]);
  const watch = command.watchEventLoop === true ? new EventLoopDelay() : undefined;
  const cpuBefore = cpuTimeUs(children);
  const completedBefore = completed;
  const before = process.hrtime.bigint();
  await Promise.race([delay(command.measureMs), callers]);
  const elapsedNs = Number(process.hrtime.bigint() - before);
  const operations = completed - completedBefore;
  const cpuUs = cpuTimeUs(children) - cpuBefore;
  const eventLoopDelayP99Ms = watch?.stop();
  running = false;
  await callers;
  return { operations, elapsedNs, cpuUs, ...(eventLoopDelayP99Ms !== undefined && { eventLoopDelayP99Ms }) };
}

/** The same for calls that block: one after the other, however many callers there would be. */
export async function measureClosedLoopSync(perform: PerformSync, command: MeasureCommand): Promise<Slice> {
  runFor(perform, command.warmUpMs);
  const cpuBefore = cpuTimeUs([]);
  const before = process.hrtime.bigint();
  const operations = runFor(perform, command.measureMs);
  const elapsedNs = Number(process.hrtime.bigint() - before);
  return { operations, elapsedNs, cpuUs: cpuTimeUs([]) - cpuBefore };
}

function runFor(perform: PerformSync, milliseconds: number): number {
  const end = performance.now() + milliseconds;
  let operations = 0;
  do {
    perform();
    operations++;
  } while (performance.now() < end);
  return operations;
}
