import type { PoolEpoch } from '../backup/pool_epoch.ts';
import type { KeyEngine } from '../engine/key_engine.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import type { Sealer } from '../store/sealed_documents.ts';
import type { Store } from '../store/store.ts';

/** What works with the pool keys of a token, and has to be opened anew when they are others. */
export interface PoolAndEngine {
  readonly pool: HsmPool;
  readonly engine: KeyEngine;
}

/** What the pool has left to do once the server has answered its last request. */
const POOL_DRAIN_MS = 1_000;

/** The store, and over it the pool and the engine of the moment. */
export class Core implements Sealer {
  readonly store: Store;
  readonly epoch: PoolEpoch;
  readonly #open: () => Promise<PoolAndEngine>;
  #current: PoolAndEngine;

  /** `open` gives another pool and another engine over the same token and the same store. */
  constructor(store: Store, epoch: PoolEpoch, current: PoolAndEngine, open: () => Promise<PoolAndEngine>) {
    this.store = store;
    this.epoch = epoch;
    this.#current = current;
    this.#open = open;
  }

  get pool(): HsmPool {
    return this.#current.pool;
  }

  get engine(): KeyEngine {
    return this.#current.engine;
  }

  seal(bytes: Uint8Array): Promise<Uint8Array> {
    return this.pool.seal(bytes);
  }

  verifySeal(bytes: Uint8Array, seal: Uint8Array): Promise<boolean> {
    return this.pool.verifySeal(bytes, seal);
  }

  /** Closes pool and engine, does the work while no host has the token, and opens them again. */
  async renew(work: () => Promise<void>): Promise<void> {
    await this.#closeCurrent();
    await work();
    this.#current = await this.#open();
  }

  async close(betweenEngineAndPool: () => Promise<void>): Promise<void> {
    await this.engine.close();
    await betweenEngineAndPool();
    await this.pool.close({ drainMs: POOL_DRAIN_MS });
    await this.store.close();
  }

  async #closeCurrent(): Promise<void> {
    await this.engine.close();
    await this.pool.close({ drainMs: POOL_DRAIN_MS });
  }
}

/** Neither keys nor deleted keys. */
export async function holdsNoKey(store: Store): Promise<boolean> {
  const first = { after: undefined, limit: 1 };
  const lists = await Promise.all([store.listKeys('active', first), store.listKeys('deleted', first)]);
  return lists.every((list) => list.length === 0);
}
