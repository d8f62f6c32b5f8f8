import type { ContenderSetup } from './contenders/contender.ts';
import type { OperationId } from './operations.ts';

/** What the coordinator says to a contender: one JSON object per line, flat, so that a C program reads it with little. */
export type Command<Setup> =
  | ({ readonly command: 'open' } & Setup)
  | ({ readonly command: 'measure' } & MeasureCommand)
  | ({ readonly command: 'openLoop' } & OpenLoopCommand)
  | { readonly command: 'lanes' }
  | { readonly command: 'close' };

export interface RawLoopSetup
  extends Pick<ContenderSetup, 'module' | 'tokenSerial' | 'pin' | 'objects' | 'visibility'> {
  readonly processes: number;
  readonly threads: number;
}

/** A closed loop: `inFlight` callers, each of which starts its next operation when the last has ended. */
export interface MeasureCommand {
  readonly operation: OperationId;
  readonly inFlight: number;
  /** The loop runs this long before anything is counted … */
  readonly warmUpMs: number;
  /** … and then this long under the clock. */
  readonly measureMs: number;
  /** Watch the delay of the event loop, which costs a timer per millisecond. */
  readonly watchEventLoop?: boolean;
}

/** Operations that completed between two marks at which the loop was running, so that neither filling nor draining is counted. */
export interface Slice {
  readonly operations: number;
  readonly elapsedNs: number;
  /** Of the contender with its host processes. */
  readonly cpuUs: number;
  readonly eventLoopDelayP99Ms?: number;
}

/** Arrivals at a fixed rate, whatever the contender is doing: latency counts from the instant at which an operation was due. */
export interface OpenLoopCommand {
  readonly operation: OperationId;
  readonly ratePerSecond: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface OpenLoopSlice {
  readonly operations: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maximumMs: number;
  /** The C loop has no event loop. */
  readonly eventLoopDelayP99Ms?: number;
}

export interface Failure {
  readonly error: string;
}
