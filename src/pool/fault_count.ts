import type { RingHost } from './ring_host.ts';

const WINDOW_MS = 10_000;
const TOO_MANY = 3;

/** Counts what speaks against an instance: a few faults of late are too many. Times in milliseconds of any steady clock. */
export class FaultCount {
  readonly #faults = new WeakMap<RingHost, number[]>();

  /** One more. What is to be said of them all when they are too many. */
  record(host: RingHost, nowMs: number, reason: string): string | undefined {
    const faults = (this.#faults.get(host) ?? []).filter((at) => at > nowMs - WINDOW_MS);
    faults.push(nowMs);
    this.#faults.set(host, faults);
    if (faults.length < TOO_MANY) return undefined;
    return `${faults.length} faults within ${WINDOW_MS / 1000} s, the last: ${reason}`;
  }
}
