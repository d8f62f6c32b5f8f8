const ignore = (): void => undefined;

/** Lets what changes a key go one after the other, key by key: whoever came second would only find that the key has changed. */
export class KeyTurns {
  readonly #last = new Map<string, Promise<void>>();

  async take<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(name);
    const result = before === undefined ? work() : before.then(work);
    const over = result.then(ignore, ignore);
    this.#last.set(name, over);
    try {
      return await result;
    } finally {
      if (this.#last.get(name) === over) this.#last.delete(name);
    }
  }
}
