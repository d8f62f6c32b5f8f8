import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { OpenLoopCommand, OpenLoopSlice } from '../protocol.ts';
import { quantile } from '../statistics.ts';
import type { Contender, Perform } from './contender.ts';
import { EventLoopDelay } from './event_loop_delay.ts';

/** Finer than the timers of an event loop, so that what is measured is the contender and not the tick. */
const TICK_MS = 0.25;
/** How long after the last arrival the answers may take: a contender that is overrun shows it in its figures, not by hanging. */
const DRAIN_MS = 5_000;

/**
 * Operations become due at a fixed rate. A clock in a thread of its own rings the event loop, which starts what has become due since the
 * last time, and each latency counts from the instant at which the operation was due: time that it waited because the event loop or all
 * sessions were busy is in it.
 */
export async function measureOpenLoop<Setup>(
  contender: Contender<Setup>,
  command: OpenLoopCommand,
): Promise<OpenLoopSlice> {
  const intervalMs = 1000 / command.ratePerSecond;
  const skipped = Math.round(command.warmUpMs / intervalMs);
  const total = skipped + Math.round(command.measureMs / intervalMs);
  const latencies = new Float64Array(total);
  const start = startOperation(contender, command, latencies);
  const watch = new EventLoopDelay();
  await arrivals(total, intervalMs, start.due, start.allDone);
  const eventLoopDelayP99Ms = watch.stop();
  const counted = latencies.subarray(skipped);
  return {
    operations: counted.length,
    p50Ms: quantile(counted, 0.5),
    p99Ms: quantile(counted, 0.99),
    maximumMs: quantile(counted, 1),
    eventLoopDelayP99Ms,
  };
}

interface OperationStart {
  due(index: number, dueAt: number): void;
  /** Settles when every operation has been answered. */
  readonly allDone: Promise<void>;
}

function startOperation<Setup>(
  contender: Contender<Setup>,
  command: OpenLoopCommand,
  latencies: Float64Array,
): OperationStart {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let answered = 0;
  const done = (index: number, dueAt: number): void => {
    latencies[index] = performance.now() - dueAt;
    if (++answered === latencies.length) resolve();
  };
  if (contender.style === 'sync') {
    const perform = contender.perform(command.operation);
    const due = (index: number, dueAt: number): void => {
      perform();
      done(index, dueAt);
    };
    return { due, allDone: promise };
  }
  return { due: slotQueue(contender.perform(command.operation), contender.slots, done, reject), allDone: promise };
}

/** Starts an operation as soon as a slot is free; until then it waits in order of arrival. */
function slotQueue(
  perform: Perform,
  slots: number,
  done: (index: number, dueAt: number) => void,
  failed: (error: unknown) => void,
): (index: number, dueAt: number) => void {
  const free = Array.from({ length: slots }, (_, slot) => slot);
  const waiting: { index: number; dueAt: number }[] = [];
  const run = (slot: number, index: number, dueAt: number): void => {
    perform(slot).then(() => {
      done(index, dueAt);
      const next = waiting.shift();
      if (next === undefined) free.push(slot);
      else run(slot, next.index, next.dueAt);
    }, failed);
  };
  return (index, dueAt) => {
    const slot = free.pop();
    if (slot === undefined) waiting.push({ index, dueAt });
    else run(slot, index, dueAt);
  };
}

async function arrivals(
  total: number,
  intervalMs: number,
  due: (index: number, dueAt: number) => void,
  allDone: Promise<void>,
): Promise<void> {
  const { promise: allStarted, resolve } = Promise.withResolvers<void>();
  const clock = new Worker(new URL('arrival_clock.ts', import.meta.url), { workerData: TICK_MS });
  await once(clock, 'message');
  let index = 0;
  const begin = performance.now();
  clock.on('message', () => {
    const now = performance.now();
    while (index < total && begin + index * intervalMs <= now) due(index, begin + index++ * intervalMs);
    if (index === total) resolve();
  });
  try {
    await Promise.race([allStarted, allDone]);
  } finally {
    await clock.terminate();
  }
  const { promise: overrun, reject } = Promise.withResolvers<void>();
  const limit = setTimeout(
    () => reject(new Error(`Not all were answered ${DRAIN_MS} ms after the last arrival`)),
    DRAIN_MS,
  );
  await Promise.race([allDone, overrun]);
  clearTimeout(limit);
}
