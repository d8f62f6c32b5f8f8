import { randomBytes } from 'node:crypto';
import { StrongroomError } from '../../model/errors.ts';
import type { Custody, KeySpec } from '../../model/key.ts';
import type { ObjectPlacement } from '../../pkcs11/key_template.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';
import { sealedBytes } from '../../store/record_seal.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import type { LoadedKey } from '../loaded_key.ts';
import { sessionPlacement } from '../object_bringing.ts';
import type { FreshKey, Making } from './fresh_key.ts';
import type { KeyAttributes } from './key_attributes.ts';
import { addPublicObject, moveIntoToken, removeFromToken } from './token_objects.ts';
import { wrapUnderKek } from './wrap_under_kek.ts';

export interface KeyOrder {
  readonly name: string;
  readonly spec: KeySpec;
  readonly attributes: KeyAttributes;
  readonly custody: Custody;
}

/** Where a new key comes from: the token's generator, or a caller. */
export type KeySource = (pool: HsmPool, making: Making) => Promise<FreshKey>;

/** From an order to a key version that is durable in the store. Where it fails on the way, nothing of the key is left. */
export async function makeKey(parts: LifecycleParts, order: KeyOrder, source: KeySource): Promise<LoadedKey> {
  requireCustody(parts.pool, order);
  return parts.creations.pass(() =>
    order.custody === 'wrapped' ? makeWrapped(parts, order, source) : makeResident(parts, order, source),
  );
}

async function makeWrapped(parts: LifecycleParts, order: KeyOrder, source: KeySource): Promise<LoadedKey> {
  const { pool } = parts;
  const fresh = await source(pool, { placement: sessionPlacement(pool), extraction: 'extractable' });
  let wrappedKey: Uint8Array;
  try {
    await fresh.prove(fresh.object);
    wrappedKey = await wrapUnderKek(fresh);
  } finally {
    await fresh.ceremony.end();
  }
  const record = await draftRecord(parts, order, fresh, newVersion(), randomBytes(OBJECT_ID_BYTES), wrappedKey);
  await storeRecord(parts, record);
  return parts.keys.add(record);
}

async function makeResident(parts: LifecycleParts, order: KeyOrder, source: KeySource): Promise<LoadedKey> {
  const version = newVersion();
  const objectId = randomBytes(OBJECT_ID_BYTES);
  const placement: ObjectPlacement = { kind: 'token', id: objectId, label: `${order.name}/${version}` };
  try {
    const fresh = await parts.tokenChanges.pass(() => makeInToken(parts, placement, source));
    await syncToken(parts);
    const record = await draftRecord(parts, order, fresh, version, objectId, undefined);
    await storeRecord(parts, record);
    return parts.keys.add(record);
  } catch (error) {
    // What cannot be removed now stays as an object that no record names; why the key was not made matters more.
    await parts.tokenChanges.pass(() => removeFromToken(parts.pool, objectId)).catch(() => undefined);
    throw error;
  }
}

async function makeInToken({ pool }: LifecycleParts, placement: ObjectPlacement, source: KeySource): Promise<FreshKey> {
  const { canWrap } = pool.profile;
  const fresh = await source(
    pool,
    canWrap ? { placement: sessionPlacement(pool), extraction: 'extractable' } : { placement, extraction: 'locked' },
  );
  try {
    await fresh.prove(fresh.object);
    if (canWrap) await moveIntoToken(fresh, placement);
    else if (fresh.lacksPublicObject) await addPublicObject(fresh, placement);
    return fresh;
  } finally {
    await fresh.ceremony.end();
  }
}

async function syncToken(parts: LifecycleParts): Promise<void> {
  try {
    await parts.syncToken();
  } catch (cause) {
    throw new StrongroomError('ServiceUnavailable', 'The new key could not be brought to disk.', { cause });
  }
}

/** @throws StrongroomError `NotSupported` */
function requireCustody({ profile }: HsmPool, { custody, spec, attributes }: KeyOrder): void {
  if (profile.canWrap) return;
  if (custody === 'wrapped') {
    throw new StrongroomError('NotSupported', 'The HSM does not wrap keys, so it can only keep them itself.');
  }
  const { operations } = attributes;
  if (spec.keyType === 'oct-HSM' && (operations.includes('sign') || operations.includes('verify'))) {
    // Its HMAC takes a second object of the same value, and without wrapping there is no way to it.
    throw new StrongroomError('NotSupported', 'The HSM does not wrap keys, so its oct-HSM keys do not sign.');
  }
}

const VERSION_BYTES = 16;
const OBJECT_ID_BYTES = 16;

function newVersion(): string {
  return randomBytes(VERSION_BYTES).toString('hex');
}

async function draftRecord(
  parts: LifecycleParts,
  { name, spec, custody, attributes }: KeyOrder,
  { publicKey }: FreshKey,
  version: string,
  objectId: Uint8Array,
  wrappedKey: Uint8Array | undefined,
): Promise<KeyVersionRecord> {
  const created = Math.max(Math.floor(parts.clock() / 1000), await newestTime(parts, name));
  return {
    name,
    version,
    spec,
    custody,
    ...attributes,
    created,
    updated: created,
    exportable: false,
    publicKey,
    wrappedKey,
    objectId,
    revision: 1,
  };
}

/** A clock that was set back does not make a new version older than the last: which one is the newest goes by this time, under the seal. */
async function newestTime({ keys }: LifecycleParts, name: string): Promise<number> {
  try {
    const { record } = keys.find({ name }) ?? (await keys.load({ name }));
    return record.created;
  } catch (error) {
    if (error instanceof StrongroomError && error.code === 'KeyNotFound') return 0;
    throw error;
  }
}

/** Where the store cannot say whether it has the record, it is asked. */
async function storeRecord({ pool, store, limits }: LifecycleParts, record: KeyVersionRecord): Promise<void> {
  const seal = await pool.seal(sealedBytes(record));
  try {
    await store.addKeyVersion({ record, seal }, limits);
  } catch (error) {
    const unknown = error instanceof StrongroomError && error.code === 'OutcomeUnknown';
    if (unknown && (await store.findKeyVersion(record.name, record.version)) !== undefined) return;
    throw error;
  }
}
