import { sealedKeyBytes, sealedKeyVersionBytes } from '../store/record_seal.ts';
import type { SealedDocuments, Sealer } from '../store/sealed_documents.ts';
import type { Store, WholeKey } from '../store/store.ts';
import { residentKeys, storeTampered } from '../store/store_refusal.ts';
import type { BackedUpDocument } from './backup_entry.ts';

/** A collection of documents that belongs to the pool, and goes where its keys go. */
export interface PoolCollection {
  readonly name: string;
  /** What a document becomes that is here and not in the backup, where it may not be gone; it is removed unless set. */
  readonly absent?: unknown;
  /** What is to hold here whatever the backup says, put into the content that comes back. */
  readonly adapt?: ((id: string, content: unknown) => unknown) | undefined;
}

export interface PoolContentsOptions {
  readonly store: Pick<Store, 'listWholeKeys'>;
  readonly documents: SealedDocuments;
  readonly sealer: Sealer;
  readonly collections: readonly PoolCollection[];
}

/** Keys are read this many at a time. */
const KEYS_AT_ONCE = 32;

/** Everything that belongs to the pool, as it is read: nothing comes out whose seal has not been checked. */
export class PoolContents {
  readonly collections: readonly PoolCollection[];
  readonly #options: PoolContentsOptions;

  constructor(options: PoolContentsOptions) {
    this.#options = options;
    this.collections = options.collections;
  }

  /** @throws StrongroomError `StoreTampered`, `ServiceUnavailable` */
  async documents(): Promise<BackedUpDocument[]> {
    const found = await Promise.all(
      this.collections.map(async ({ name }) => {
        const all = await this.#options.documents.list<unknown>(name);
        return all.map((document) => ({ collection: name, ...document }));
      }),
    );
    return found.flat();
  }

  /**
   * Every key, deleted or not, by name, each as it was at one moment. In lists, so that who only counts them is quick.
   * @throws StrongroomError `StoreTampered`, `ServiceUnavailable`, `NotSupported` (`ResidentKeys`)
   */
  async *keys(): AsyncGenerator<readonly WholeKey[]> {
    let after: string | undefined;
    for (;;) {
      const keys = await this.#options.store.listWholeKeys({ after, limit: KEYS_AT_ONCE });
      await Promise.all(keys.map((key) => this.#check(key)));
      if (keys.length > 0) yield keys;
      if (keys.length < KEYS_AT_ONCE) return;
      after = keys.at(-1)?.key.record.name;
    }
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#options.store.listWholeKeys({ after: undefined, limit: 1 })).length === 0;
  }

  /**
   * Looks at every key, and tells how many it has looked at.
   * @throws StrongroomError `NotSupported` (`ResidentKeys`), `StoreTampered`, `ServiceUnavailable`; or the reason of the signal
   */
  async requireNoResidentKeys(signal: AbortSignal, onProgress: (keys: number) => void): Promise<void> {
    let looked = 0;
    for await (const keys of this.keys()) {
      signal.throwIfAborted();
      looked += keys.length;
      onProgress(looked);
    }
  }

  async #check({ key, versions }: WholeKey): Promise<void> {
    const { name } = key.record;
    const seals = await Promise.all([
      this.#verify(sealedKeyBytes(key.record), key.seal),
      ...versions.map(
        async ({ version: { record, seal } }) =>
          record.name === name && (await this.#verify(sealedKeyVersionBytes(record), seal)),
      ),
    ]);
    const hasNewest = versions.some(({ version }) => version.record.version === key.record.newest);
    if (seals.includes(false) || !hasNewest || versions.length !== key.record.versions) {
      throw storeTampered(new Error(`The key ${name} is not what was stored`));
    }
    if (versions.some(({ version }) => version.record.custody === 'resident')) throw residentKeys(name);
  }

  #verify(bytes: Uint8Array, seal: Uint8Array): Promise<boolean> {
    return this.#options.sealer.verifySeal(bytes, seal);
  }
}
