import { requireKeyName, requireKeyVersion } from '../model/key_identifier.ts';
import type { KeyRecord, KeyVersionRecord } from '../store/store.ts';
import { ChangeWatch, type Watch } from './change_watch.ts';
import { requireActive } from './key_not_found.ts';
import { LoadedKey } from './loaded_key.ts';
import { RecencyList } from './recency_list.ts';
import { RememberedKey } from './remembered_key.ts';
import type { KeyReference } from './requests.ts';
import type { SealedStore, StoredKey } from './sealed_store.ts';

/**
 * Keys whose seals were checked, in front of the store: versions that were used longest ago are forgotten first. A change makes the key's
 * entry new or takes it away, and nothing that was read before the change comes in after it.
 */
export class KeyVersions {
  readonly #records: SealedStore;
  readonly #limit: number;
  readonly #keys = new Map<string, RememberedKey>();
  readonly #recency = new RecencyList<LoadedKey>();
  readonly #loads = new Map<string, Promise<LoadedKey>>();
  readonly #watch = new ChangeWatch();
  #count = 0;

  constructor(records: SealedStore, keyVersionsCached: number) {
    this.#records = records;
    this.#limit = keyVersionsCached;
  }

  get count(): number {
    return this.#count;
  }

  /** What is remembered of it. */
  find({ name, version }: KeyReference): LoadedKey | undefined {
    const found = this.#keys.get(name)?.find(version);
    if (found !== undefined) this.#recency.touch(found);
    return found;
  }

  /**
   * Asks the store, once however many wait for the same version.
   * @throws StrongroomError `BadParameter` when it names no key, `KeyNotFound`, `StoreTampered`
   */
  async load(reference: KeyReference): Promise<LoadedKey> {
    const name = requireKeyName(reference.name);
    const { version } = reference;
    if (version !== undefined) requireKeyVersion(version);
    const wanted = version === undefined ? name : `${name}/${version}`;
    let load = this.#loads.get(wanted);
    if (load === undefined) {
      load = this.#load({ name, version }).finally(() => this.#loads.delete(wanted));
      this.#loads.set(wanted, load);
    }
    return load;
  }

  /** To be called before the key is changed, and followed by `changed`, or by `unchanged` where nothing came of it. */
  watch(name: string): Watch {
    return this.#watch.begin(name);
  }

  /** What a change of this engine has made of the key; undefined where it is gone. */
  changed(watch: Watch, key: KeyRecord | undefined, versions: readonly KeyVersionRecord[]): void {
    const { name, stale } = watch;
    this.#watch.end(watch);
    this.#watch.changed(name);
    const before = this.#keys.get(name);
    const follows = before === undefined || before.record.revision === (key?.revision ?? 0) - 1;
    if (stale || key === undefined || key.deletion !== undefined || !follows) {
      this.#drop(name);
      return;
    }
    before?.changeTo(key);
    for (const version of versions) {
      if (version.version === key.newest || before?.find(version.version) !== undefined) this.#remember(key, version);
    }
  }

  unchanged(watch: Watch): void {
    this.#watch.end(watch);
  }

  /** Somebody else may have changed the keys: all of them, where no names are known. */
  forget(names: readonly string[] | undefined): void {
    for (const name of names ?? [...this.#keys.keys()]) this.#drop(name);
    if (names === undefined) this.#watch.changed(undefined);
    else for (const name of names) this.#watch.changed(name);
  }

  async #load(reference: KeyReference): Promise<LoadedKey> {
    const { name, version } = reference;
    for (;;) {
      const watch = this.#watch.begin(name);
      try {
        const found = await this.#records.find(name, version);
        if (!watch.stale) return this.#remembered(requireActive(found, reference));
      } finally {
        this.#watch.end(watch);
      }
    }
  }

  #remembered({ key, version }: StoredKey): LoadedKey {
    const before = this.#keys.get(key.name)?.record;
    const same = before === undefined || (before.revision === key.revision && before.newest === key.newest);
    if (!same) this.#drop(key.name);
    return this.#keys.get(key.name)?.find(version.version) ?? this.#remember(key, version);
  }

  /** In the place of what was remembered of this version. */
  #remember(record: KeyRecord, version: KeyVersionRecord): LoadedKey {
    const loaded = new LoadedKey(version);
    const before = this.#keys.get(record.name)?.find(version.version);
    if (before !== undefined) {
      // What was reserved for the version is not lost because the version has changed.
      loaded.encryptionsLeft = before.encryptionsLeft;
      before.encryptionsLeft = 0;
      this.#leave(before);
    }
    let key = this.#keys.get(record.name);
    if (key === undefined) {
      key = new RememberedKey(record);
      this.#keys.set(record.name, key);
    }
    key.add(loaded);
    this.#recency.add(loaded);
    this.#count += 1;
    while (this.#count > this.#limit) this.#leave(this.#recency.oldest as LoadedKey);
    return loaded;
  }

  #drop(name: string): void {
    const key = this.#keys.get(name);
    if (key !== undefined) for (const loaded of key.all()) this.#leave(loaded);
  }

  #leave(loaded: LoadedKey): void {
    const { name } = loaded.record;
    const key = this.#keys.get(name) as RememberedKey;
    this.#recency.remove(loaded);
    this.#count -= 1;
    key.remove(loaded);
    if (key.isEmpty) this.#keys.delete(name);
  }
}
