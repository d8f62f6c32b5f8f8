import { parentPort, workerData } from 'node:worker_threads';

/** The clock of the open loop: a thread that rings the event loop at a fixed interval, as a socket would. */
const tickMs = workerData as number;
const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

let next = performance.now();
for (;;) {
  next = Math.max(next + tickMs, performance.now());
  Atomics.wait(sleeper, 0, 0, next - performance.now());
  parentPort?.postMessage(undefined);
}
