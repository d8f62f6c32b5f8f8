import { randomBytes } from 'node:crypto';
import type { KeyEngine } from '../../src/engine/key_engine.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import { sealedKeyBytes, sealedKeyVersionBytes } from '../../src/store/record_seal.ts';
import type { KeyChange, KeyRecord, KeyVersionRecord, Store } from '../../src/store/store.ts';
import { fillerName } from '../filler_name.ts';

/** Rows that are sealed and stored together. */
const WINDOW = 256;
const NO_LIMITS = { keys: Number.MAX_SAFE_INTEGER, versionsPerKey: Number.MAX_SAFE_INTEGER };

/**
 * Fills a store with keys that work: each has a name, a version, an object id and seals of its own, and all have the wrapped value of
 * the first one, because making a hundred thousand keys in the token would take the token's time and show nothing of the store's.
 */
export async function fillStore(
  { pool, store, engine }: { readonly pool: HsmPool; readonly store: Store; readonly engine: KeyEngine },
  count: number,
): Promise<void> {
  const { name } = await engine.createKey({
    name: 'filler',
    spec: { keyType: 'oct-HSM', size: 256 },
    operations: ['sign', 'verify'],
  });
  const first = await store.findKeyVersion(name, undefined);
  if (first?.version === undefined) throw new Error('The key that was just made is not in the store');
  const { key, version } = first;
  for (let start = 0; start < count; start += WINDOW) {
    const indexes = Array.from({ length: Math.min(WINDOW, count - start) }, (_, index) => start + index);
    await Promise.all(
      indexes.map(async (index) => {
        const own = { name: fillerName(index), version: randomBytes(16).toString('hex'), objectId: randomBytes(16) };
        const versionRecord: KeyVersionRecord = { ...version.record, ...own };
        const keyRecord: KeyRecord = { ...key.record, name: own.name, newest: own.version };
        const [keySeal, versionSeal] = await Promise.all([
          pool.seal(sealedKeyBytes(keyRecord)),
          pool.seal(sealedKeyVersionBytes(versionRecord)),
        ]);
        const change: KeyChange = {
          name: own.name,
          expectedRevision: undefined,
          key: { record: keyRecord, seal: keySeal },
          versions: [{ record: versionRecord, seal: versionSeal }],
        };
        await store.changeKey(change, NO_LIMITS);
      }),
    );
  }
}
