import { LIMITS } from '../../model/limits.ts';
import { RecentEntries } from './recent_entries.ts';

interface Failures {
  readonly count: number;
  readonly lastMs: number;
  readonly lockedUntilMs: number;
}

/**
 * Locks a user out after repeated failures, for a minute at first and never for more than a quarter of an hour: whoever guesses gets
 * nowhere, and cannot keep anybody out for good. A user who has logged in from an address before is counted by it apart from the rest of the
 * world, so that a stranger's guesses do not lock out the owner of the account. Names that nobody has are locked as those that somebody
 * has. Kept in memory, by this server for itself.
 */
export class LockOuts {
  readonly #clock: () => number;
  readonly #failures = new RecentEntries<Failures>(LIMITS.lockOutsKept);
  readonly #familiar = new RecentEntries<true>(LIMITS.familiarAddressesKept);

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  isLocked(user: string, address: string): boolean {
    return (this.#failures.get(this.#nameOf(user, address))?.lockedUntilMs ?? 0) > this.#clock();
  }

  /** Counts an attempt as a failure before it is known how it ends, so that many at once are counted too. True when it locks. */
  attempt(user: string, address: string): boolean {
    const name = this.#nameOf(user, address);
    const nowMs = this.#clock();
    const before = this.#failures.get(name);
    const isFresh = before === undefined || before.lastMs + LIMITS.failuresForgottenMs < nowMs;
    const count = isFresh ? 1 : before.count + 1;
    const over = count - LIMITS.failuresBeforeLockOut;
    const lockMs = over < 0 ? 0 : Math.min(LIMITS.lockOutMs * 2 ** over, LIMITS.lockOutMostMs);
    this.#failures.set(name, { count, lastMs: nowMs, lockedUntilMs: nowMs + lockMs });
    return lockMs > 0;
  }

  succeeded(user: string, address: string): void {
    this.#failures.delete(this.#nameOf(user, address));
    this.#familiar.set(pairOf(user, address), true);
  }

  #nameOf(user: string, address: string): string {
    const pair = pairOf(user, address);
    return this.#familiar.get(pair) === true ? pair : JSON.stringify([user]);
  }
}

function pairOf(user: string, address: string): string {
  return JSON.stringify([user, address]);
}
