import type { OperationId } from './operations.ts';

/** How many operations are in flight, and how long the loop has to run before it does what it will go on doing. */
export interface Concurrency {
  readonly inFlight: number;
  readonly warmUpMs: number;
  /** In place of the operation's own. */
  readonly measureMs?: number;
  /** All of them unless named. */
  readonly operations?: readonly OperationId[];
}

/**
 * With little in flight every operation waits for threads to wake up. On virtual machines that is quick for the first 50 ms after a pause,
 * because the hypervisor still polls, and then takes two to four times as long: what lasts is what counts.
 */
export const CONCURRENCIES: readonly Concurrency[] = [
  { inFlight: 64, warmUpMs: 5 },
  { inFlight: 8, warmUpMs: 25 },
  { inFlight: 1, warmUpMs: 80, measureMs: 60, operations: ['p-256', 'aes-256-gcm'] },
];
