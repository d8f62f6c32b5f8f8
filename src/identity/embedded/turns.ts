/** Lets a few pieces of work run at a time and some more wait: for work that is slow and takes memory on purpose. */
export class Turns {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #refusal: () => Error;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** `refusal` makes the error of a call that is one too many. */
  constructor(most: number, mostWaiting: number, refusal: () => Error) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
    this.#refusal = refusal;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#most) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= this.#mostWaiting) throw this.#refusal();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands its place over to the next that waits. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
