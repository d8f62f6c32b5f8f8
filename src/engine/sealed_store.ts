import type { HsmPool } from '../pool/hsm_pool.ts';
import { sealedIntentBytes, sealedKeyBytes, sealedKeyVersionBytes } from '../store/record_seal.ts';
import type {
  FoundKeyVersion,
  Intent,
  KeyRecord,
  KeyVersionRecord,
  ListQuery,
  Sealed,
  SealedKey,
  SealedKeyVersion,
  Store,
} from '../store/store.ts';
import { storeTampered } from '../store/store_refusal.ts';

/** A key and one of its versions, as the pool has sealed them. */
export interface StoredKey {
  readonly key: KeyRecord;
  readonly version: KeyVersionRecord;
}

/** The store as it is read: nothing comes out of it whose seal has not been checked. Every reader may throw `StoreTampered`. */
export class SealedStore {
  readonly #pool: HsmPool;
  readonly #store: Store;

  constructor(pool: HsmPool, store: Store) {
    this.#pool = pool;
    this.#store = store;
  }

  /** The key, deleted or not, with its newest version or the named one; undefined when it has no such version. */
  async find(name: string, version?: string): Promise<StoredKey | undefined> {
    const found = await this.#store.findKeyVersion(name, version);
    if (found === undefined || (version !== undefined && found.version === undefined)) return undefined;
    return this.#checked(found, name, version);
  }

  /** Each with its newest version. */
  async listKeys(kind: 'active' | 'deleted', query: ListQuery): Promise<StoredKey[]> {
    const found = await this.#store.listKeys(kind, query);
    const checked = await Promise.all(found.map((each) => this.#checked(each, each.key.record.name, undefined)));
    for (const { key } of checked) {
      if ((key.deletion === undefined) !== (kind === 'active')) refuse(`The key ${key.name}`, `is not ${kind}`);
    }
    return checked;
  }

  async listVersions(name: string, query: ListQuery): Promise<KeyVersionRecord[]> {
    const found = await this.#store.listKeyVersions(name, query);
    return Promise.all(found.map((each) => this.#checkedVersion(each, name, each.record.version)));
  }

  /** Of the token with this serial number. */
  async listIntents(token: string): Promise<Intent[]> {
    const intents = await this.#store.listIntents(token);
    return Promise.all(
      intents.map(async (sealed) => {
        const { record } = sealed;
        const genuine = record.token === token && (await this.#verify(sealedIntentBytes(record), sealed));
        return genuine ? record : refuse(`The intent ${record.id}`, 'is not what was stored');
      }),
    );
  }

  async sealKey(record: KeyRecord): Promise<SealedKey> {
    return { record, seal: await this.#pool.seal(sealedKeyBytes(record)) };
  }

  async sealVersion(record: KeyVersionRecord): Promise<SealedKeyVersion> {
    return { record, seal: await this.#pool.seal(sealedKeyVersionBytes(record)) };
  }

  async sealIntent(record: Intent): Promise<Sealed<Intent>> {
    return { record, seal: await this.#pool.seal(sealedIntentBytes(record)) };
  }

  async #checked({ key, version }: FoundKeyVersion, name: string, wanted: string | undefined): Promise<StoredKey> {
    const { record } = key;
    if (version === undefined) return refuse(`The newest version of the key ${name}`, 'is missing');
    const [genuine, checkedVersion] = await Promise.all([
      record.name === name && this.#verify(sealedKeyBytes(record), key),
      this.#checkedVersion(version, name, wanted ?? record.newest),
    ]);
    return genuine ? { key: record, version: checkedVersion } : refuse(`The key ${name}`, 'is not what was stored');
  }

  async #checkedVersion(sealed: SealedKeyVersion, name: string, version: string): Promise<KeyVersionRecord> {
    const { record } = sealed;
    const asked = record.name === name && record.version === version;
    if (asked && (await this.#verify(sealedKeyVersionBytes(record), sealed))) return record;
    return refuse(`The key version ${name}/${version}`, 'is not what was stored');
  }

  #verify(bytes: Uint8Array, { seal }: Sealed<unknown>): Promise<boolean> {
    return this.#pool.verifySeal(bytes, seal);
  }
}

function refuse(what: string, problem: string): never {
  throw storeTampered(new Error(`${what} ${problem}`));
}
