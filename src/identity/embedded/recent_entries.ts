/** A map that holds so many entries and no more: the one that was set longest ago makes room. */
export class RecentEntries<T> {
  readonly #most: number;
  readonly #entries = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  get(name: string): T | undefined {
    return this.#entries.get(name);
  }

  set(name: string, entry: T): void {
    this.#entries.delete(name);
    if (this.#entries.size >= this.#most) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(name, entry);
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }
}
