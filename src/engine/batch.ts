import type { BatchResult } from './requests.ts';

/** Where the answers of a batch gather; the promise is fulfilled with the last of them, and never fails. */
export class BatchSlots {
  readonly results: Promise<BatchResult[]>;
  readonly #slots: BatchResult[];
  #missing: number;
  readonly #resolve: (results: BatchResult[]) => void;

  constructor(size: number) {
    this.#slots = new Array<BatchResult>(size);
    this.#missing = size;
    const { promise, resolve } = Promise.withResolvers<BatchResult[]>();
    this.results = promise;
    this.#resolve = resolve;
    if (size === 0) resolve([]);
  }

  fill(place: number, result: BatchResult): void {
    this.#slots[place] = result;
    this.#missing -= 1;
    if (this.#missing === 0) this.#resolve(this.#slots);
  }
}
