import { StrongroomError } from '../model/errors.ts';
import { storeClosed } from './store_refusal.ts';

/** One after the other, in the order of their coming: for work that would only stand in its own way. The line has a limit, and so has the wait. */
export class Turns {
  readonly #mostWaiting: number;
  readonly #longestWaitMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(mostWaiting: number, longestWaitMs: number) {
    this.#mostWaiting = mostWaiting;
    this.#longestWaitMs = longestWaitMs;
  }

  /** @throws StrongroomError `Throttled` at once when the line is full, `ServiceUnavailable` when the turn did not come in time */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closed) throw storeClosed();
    if (this.#waiting >= this.#mostWaiting) {
      throw new StrongroomError('Throttled', 'Too many changes wait for the store.', { retryAfterMs: 1_000 });
    }
    const latest = performance.now() + this.#longestWaitMs;
    this.#waiting += 1;
    const turn = this.#last.then(() => {
      this.#waiting -= 1;
      if (performance.now() > latest) throw new StrongroomError('ServiceUnavailable', 'The store is too busy.');
      return work();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Waits for all that stand in line. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }
}
