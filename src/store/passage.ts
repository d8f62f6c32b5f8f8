/** Work that goes on side by side, and now and then some that has to be alone. */
export class Passage {
  #underWay = 0;
  #onIdle: (() => void) | undefined;
  #alone: Promise<void> | undefined;

  /** At once, or when what is alone has come to its end. */
  async through<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.#alone !== undefined) await this.#alone;
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#onIdle?.();
    }
  }

  /** When what is under way has come to its end, and before anything that comes later. */
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.#alone !== undefined) await this.#alone;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#alone = promise;
    try {
      if (this.#underWay > 0) {
        await new Promise<void>((idle) => {
          this.#onIdle = idle;
        });
      }
      return await work();
    } finally {
      this.#onIdle = undefined;
      this.#alone = undefined;
      resolve();
    }
  }
}
