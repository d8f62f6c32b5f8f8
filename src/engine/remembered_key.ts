import type { KeyRecord } from '../store/store.ts';
import type { LoadedKey } from './loaded_key.ts';

/** A key that is not deleted, and those of its versions that are remembered: of most keys the newest alone, so that one needs no table. */
export class RememberedKey {
  #record: KeyRecord;
  /** The version that the record names. */
  #newest: LoadedKey | undefined = undefined;
  #others: Map<string, LoadedKey> | undefined = undefined;

  constructor(record: KeyRecord) {
    this.#record = record;
  }

  get record(): KeyRecord {
    return this.#record;
  }

  get isEmpty(): boolean {
    return this.#newest === undefined && (this.#others?.size ?? 0) === 0;
  }

  /** The newest unless one is named. */
  find(version: string | undefined): LoadedKey | undefined {
    return version === undefined || version === this.#record.newest ? this.#newest : this.#others?.get(version);
  }

  all(): readonly LoadedKey[] {
    const others = [...(this.#others?.values() ?? [])];
    return this.#newest === undefined ? others : [this.#newest, ...others];
  }

  /** The key as a change has made it. */
  changeTo(record: KeyRecord): void {
    const newest = this.#newest;
    this.#record = record;
    if (newest === undefined || newest.record.version === record.newest) return;
    this.#newest = undefined;
    this.add(newest);
  }

  add(loaded: LoadedKey): void {
    const { version } = loaded.record;
    if (version === this.#record.newest) {
      this.#newest = loaded;
      return;
    }
    this.#others ??= new Map();
    this.#others.set(version, loaded);
  }

  remove(loaded: LoadedKey): void {
    if (this.#newest === loaded) this.#newest = undefined;
    else this.#others?.delete(loaded.record.version);
  }
}
