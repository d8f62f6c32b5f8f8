import { LIMITS } from '../model/limits.ts';
import { type NativeDoorbell, nativeAddon } from '../pkcs11/binding.ts';

/** What the doorbell needs to know of a ring. */
export interface BelledRing {
  /** Requests that have not been answered yet. */
  readonly inFlight: number;
  /** Delivers at most `budget` completions, and answers how many. */
  drain(budget: number): number;
}

/**
 * The one doorbell of the process: when it rings, every ring is drained, at most `LIMITS.completionsPerTurn` in one turn of the
 * event loop, the rest in the next. It keeps the event loop alive only while requests are in flight.
 */
export class Doorbell {
  readonly native: NativeDoorbell;
  readonly #rings: BelledRing[] = [];
  readonly #listeners: (() => void)[] = [];
  #expected = 0;
  #continuing = false;
  /** The ring that is drained first next time, so that a busy one cannot starve the others when the budget runs out. */
  #first = 0;

  constructor(create: (onRing: () => void) => NativeDoorbell) {
    this.native = create(() => this.#turn());
    this.native.unref();
  }

  add(ring: BelledRing): void {
    this.#rings.push(ring);
  }

  remove(ring: BelledRing): void {
    const at = this.#rings.indexOf(ring);
    if (at >= 0) this.#rings.splice(at, 1);
  }

  /** Calls `listener` after each turn in which something was delivered. */
  onDelivered(listener: () => void): void {
    this.#listeners.push(listener);
  }

  offDelivered(listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  /** A request went into a ring: an answer is awaited. */
  expect(): void {
    if (this.#expected++ === 0) this.native.ref();
  }

  /** As many answers came. */
  answered(count: number): void {
    this.#expected -= count;
    if (this.#expected === 0) this.native.unref();
  }

  #turn(): void {
    let budget: number = LIMITS.completionsPerTurn;
    const rings = this.#rings.length;
    for (let step = 0; step < rings && budget > 0; step++) {
      const ring = this.#rings[(this.#first + step) % rings];
      if (ring !== undefined && ring.inFlight > 0) budget -= ring.drain(budget);
    }
    this.#first++;
    if (budget <= 0 && !this.#continuing) {
      // A ring may have fetched more than it delivered: the native core knows nothing of that, and would not ring for it.
      this.#continuing = true;
      setImmediate(() => {
        this.#continuing = false;
        this.#turn();
      });
    }
    if (budget < LIMITS.completionsPerTurn) for (const listener of this.#listeners) listener();
  }
}

let shared: Doorbell | undefined;

export function sharedDoorbell(): Doorbell {
  if (shared === undefined) {
    const addon = nativeAddon();
    shared = new Doorbell((onRing) => new addon.Doorbell(onRing));
  }
  return shared;
}
