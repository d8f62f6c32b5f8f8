import type { Store } from '../store/store.ts';
import type { LoadedKey } from './loaded_key.ts';

/**
 * Counts AES-GCM encryptions under each key version, because random 96-bit IVs are safe for 2^32 of them (SP 800-38D §8.3). The store
 * is asked for many at a time, before they are used: what was reserved and not used is lost, which errs on the safe side.
 */
export class EncryptionBudget {
  readonly #store: Store;
  readonly #block: number;
  readonly #maximum: number;

  constructor(store: Store, block: number, maximum: number) {
    this.#store = store;
    this.#block = block;
    this.#maximum = maximum;
  }

  /** One encryption, when one is at hand. The next block is sent for while there still are some, so that a busy key does not wait. */
  take(key: LoadedKey): boolean {
    if (key.encryptionsLeft === 0) return false;
    key.encryptionsLeft -= 1;
    if (key.encryptionsLeft === this.#block >>> 2) this.#reserve(key).catch(() => undefined);
    return true;
  }

  /** One encryption, as soon as the store has given some. @throws StrongroomError `Forbidden` when there are none left at all. */
  async takeLater(key: LoadedKey): Promise<void> {
    while (!this.take(key)) await this.#reserve(key);
  }

  #reserve(key: LoadedKey): Promise<void> {
    key.reservation ??= this.#ask(key).finally(() => {
      key.reservation = undefined;
    });
    return key.reservation;
  }

  async #ask(key: LoadedKey): Promise<void> {
    const { name, version } = key.record;
    await this.#store.reserveEncryptions(name, version, this.#block, this.#maximum);
    key.encryptionsLeft += this.#block;
  }
}
