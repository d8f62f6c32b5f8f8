import { StrongroomError } from '../model/errors.ts';
import { Passage } from '../store/passage.ts';
import type { Epoch, Store } from '../store/store.ts';
import { everythingReplaced } from '../store/store_refusal.ts';

type EpochStore = Pick<Store, 'countReplacements' | 'onKeysChanged'>;

/**
 * How often a restore has replaced everything, as this server knows it. Whoever changes something of the pool comes through here, and his
 * changes name the epoch: the store refuses them once another has begun, whichever server has begun it. What the server knows becomes the
 * new one when nobody is on his way any more who was let in before, so that nothing of the old pool comes into the new one.
 */
export class PoolEpoch implements Epoch {
  readonly #store: EpochStore;
  readonly #passage = new Passage();
  #current: number;
  /** It could not be asked for when there may have been another. */
  #isDoubted = false;
  #isLooking = false;
  #mustLook = false;

  private constructor(store: EpochStore, current: number) {
    this.#store = store;
    this.#current = current;
    store.onKeysChanged((names) => {
      if (names === undefined) void this.#look();
    });
  }

  /** @throws StrongroomError `ServiceUnavailable` */
  static async open(store: EpochStore): Promise<PoolEpoch> {
    return new PoolEpoch(store, await store.countReplacements());
  }

  get current(): number {
    return this.#current;
  }

  /**
   * Work that changes something, and that was let in when `admitted` was the epoch. It waits while everything is being replaced.
   * @throws StrongroomError `Conflict` (`RestoreInProgress`) when another has begun meanwhile; `ServiceUnavailable`
   */
  through<Result>(admitted: number, work: () => Promise<Result>): Promise<Result> {
    return this.#passage.through(async () => {
      if (this.#isDoubted) {
        void this.#look();
        throw new StrongroomError('ServiceUnavailable', 'It is not known whether the pool was restored.');
      }
      if (admitted !== this.#current) throw everythingReplaced();
      return work();
    });
  }

  /**
   * Replaces everything, when what is under way has come to its end and before anything that comes later. The work answers the epoch that has
   * begun, or nothing where the store is to be asked.
   */
  replace(work: () => Promise<number | undefined>): Promise<void> {
    return this.#passage.alone(async () => {
      let begun: number | undefined;
      try {
        begun = await work();
      } finally {
        if (begun === undefined) await this.#learn();
        else this.#current = begun;
      }
    });
  }

  /** One after the other: while the store does not answer, it is told again and again that everything may have changed. */
  async #look(): Promise<void> {
    this.#mustLook = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#mustLook) {
      this.#mustLook = false;
      const isOther = await this.#store.countReplacements().then(
        (count) => count !== this.#current,
        () => true,
      );
      if (isOther || this.#isDoubted) await this.#passage.alone(() => this.#learn());
    }
    this.#isLooking = false;
  }

  async #learn(): Promise<void> {
    try {
      this.#current = await this.#store.countReplacements();
      this.#isDoubted = false;
    } catch {
      this.#isDoubted = true;
    }
  }
}
