import { StrongroomError } from '../model/errors.ts';

/** Lets a number of pieces of work be under way at once; the others wait in the order in which they came, up to a bound. */
export class WorkGate {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce;
    this.#mostWaiting = mostWaiting;
  }

  /** @throws StrongroomError `Throttled` when too many wait, or whatever the work throws */
  async pass<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#underWay < this.#atOnce) this.#underWay += 1;
    else await this.#turn();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay -= 1;
      else next();
    }
  }

  /** The one that goes out hands its place over. */
  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#mostWaiting) {
      throw new StrongroomError('Throttled', 'Too many keys wait to be made.', { retryAfterMs: 1_000 });
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
