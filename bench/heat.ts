import type { ContenderProcess } from './contender_process.ts';
import type { OperationId } from './operations.ts';
import type { Slice } from './protocol.ts';

/** Many, because what is called often is compiled soon. */
const IN_FLIGHT = 64;
const SLICE_MS = 400;
const MOST_SLICES = 10;
/** A signature with RSA took the engine's own process 125 µs of CPU time at first, and after 7,000 of them 75 µs for good. */
const ENOUGH_OPERATIONS = 10_000;

/** Has a program that V8 compiles do an operation before anything counts. */
export async function heat(process: ContenderProcess, operation: OperationId): Promise<void> {
  let operations = 0;
  for (let slices = 0; slices < MOST_SLICES && operations < ENOUGH_OPERATIONS; slices++) {
    const command = { command: 'measure', operation, inFlight: IN_FLIGHT, warmUpMs: 0, measureMs: SLICE_MS } as const;
    operations += (await process.ask<Slice>(command)).operations;
  }
}
