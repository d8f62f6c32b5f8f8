import { StrongroomError } from '../model/errors.ts';
import { requireKeyName, requireKeyVersion } from '../model/key_identifier.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import { sealedBytes } from '../store/record_seal.ts';
import type { KeyVersionRecord, Store } from '../store/store.ts';
import { LoadedKey } from './loaded_key.ts';
import { RecencyList } from './recency_list.ts';
import type { KeyReference } from './requests.ts';

/** The versions of one key that are remembered. */
interface RememberedKey {
  newest: LoadedKey | undefined;
  readonly versions: Map<string, LoadedKey>;
}

interface Load {
  readonly loaded: Promise<LoadedKey>;
  /** A newer version was stored while the store was being asked for the newest. */
  superseded: boolean;
}

/** Key versions whose seal was checked, in front of the store: those that were used longest ago are forgotten first. */
export class KeyVersions {
  readonly #pool: HsmPool;
  readonly #store: Store;
  readonly #limit: number;
  readonly #keys = new Map<string, RememberedKey>();
  readonly #recency = new RecencyList<LoadedKey>();
  readonly #loads = new Map<string, Load>();
  #count = 0;

  constructor(pool: HsmPool, store: Store, keyVersionsCached: number) {
    this.#pool = pool;
    this.#store = store;
    this.#limit = keyVersionsCached;
  }

  get count(): number {
    return this.#count;
  }

  /** What is remembered of it. */
  find({ name, version }: KeyReference): LoadedKey | undefined {
    const key = this.#keys.get(name);
    if (key === undefined) return undefined;
    const found = version === undefined ? key.newest : key.versions.get(version);
    if (found !== undefined) this.#recency.touch(found);
    return found;
  }

  /**
   * Asks the store, once however many wait for the same version.
   * @throws StrongroomError `BadParameter` when it names no key, `KeyNotFound`, `StoreTampered`
   */
  async load({ name, version }: KeyReference): Promise<LoadedKey> {
    requireKeyName(name);
    if (version !== undefined) requireKeyVersion(version);
    const wanted = version === undefined ? name : `${name}/${version}`;
    let load = this.#loads.get(wanted);
    if (load === undefined) {
      load = { loaded: this.#load(name, version, wanted), superseded: false };
      this.#loads.set(wanted, load);
    }
    return load.loaded;
  }

  /** A version that was stored just now, and is the newest of its key. */
  add(record: KeyVersionRecord): LoadedKey {
    const load = this.#loads.get(record.name);
    if (load !== undefined) load.superseded = true;
    return this.#remember(record, true);
  }

  async #load(name: string, version: string | undefined, wanted: string): Promise<LoadedKey> {
    try {
      for (;;) {
        const record = await this.#read(name, version);
        const load = this.#loads.get(wanted);
        if (load?.superseded !== true) return this.#remember(record, version === undefined);
        load.superseded = false;
      }
    } finally {
      this.#loads.delete(wanted);
    }
  }

  async #read(name: string, version: string | undefined): Promise<KeyVersionRecord> {
    const sealed = await this.#store.findKeyVersion(name, version);
    if (sealed === undefined) throw keyNotFound(name, version);
    const { record, seal } = sealed;
    const asked = record.name === name && (version === undefined || record.version === version);
    if (!asked || !(await this.#pool.verifySeal(sealedBytes(record), seal))) {
      throw new StrongroomError('StoreTampered', 'A key version in the store is not what was stored.', {
        cause: new Error(`The seal of ${name}/${record.version} is not that of its bytes`),
      });
    }
    return record;
  }

  #remember(record: KeyVersionRecord, isNewest: boolean): LoadedKey {
    let key = this.#keys.get(record.name);
    if (key === undefined) {
      key = { newest: undefined, versions: new Map() };
      this.#keys.set(record.name, key);
    }
    let loaded = key.versions.get(record.version);
    if (loaded === undefined) {
      loaded = new LoadedKey(record);
      key.versions.set(record.version, loaded);
      this.#recency.add(loaded);
      this.#count += 1;
    }
    if (isNewest) key.newest = loaded;
    while (this.#count > this.#limit) this.#forget(this.#recency.oldest as LoadedKey);
    return loaded;
  }

  #forget(loaded: LoadedKey): void {
    const { name, version } = loaded.record;
    const key = this.#keys.get(name) as RememberedKey;
    this.#recency.remove(loaded);
    this.#count -= 1;
    key.versions.delete(version);
    if (key.newest === loaded) key.newest = undefined;
    if (key.versions.size === 0) this.#keys.delete(name);
  }
}

function keyNotFound(name: string, version: string | undefined): StrongroomError {
  const id = version === undefined ? name : `${name}/${version}`;
  return new StrongroomError('KeyNotFound', `A key with (name/id) ${id} was not found in this HSM pool.`);
}
