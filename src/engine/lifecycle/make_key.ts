import { randomBytes } from 'node:crypto';
import { type ErrorCode, StrongroomError } from '../../model/errors.ts';
import type { Custody, KeySpec } from '../../model/key.ts';
import { nextRotation } from '../../model/rotation_policy.ts';
import type { TokenPlacement } from '../../pkcs11/key_template.ts';
import type { HostToken } from '../../pool/hsm_host.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';
import type { Intent, KeyVersionRecord } from '../../store/store.ts';
import { type LifecycleParts, secondsOf } from '../engine_parts.ts';
import { sessionPlacement } from '../object_bringing.ts';
import type { StoredKey } from '../sealed_store.ts';
import { changeKey, type PlannedChange } from './change_key.ts';
import type { FreshKey, Making } from './fresh_key.ts';
import { newIntent, recordIntent, settleIntent } from './intents.ts';
import type { KeyAttributes } from './key_attributes.ts';
import { proveInOtherInstance } from './other_instance.ts';
import { proveOnSecondToken } from './second_token.ts';
import { addPublicObject, moveIntoToken } from './token_objects.ts';
import { wrapUnderKek } from './wrap_under_kek.ts';

export interface KeyOrder {
  readonly name: string;
  /** What is known before the key is there. */
  readonly spec: Pick<KeySpec, 'keyType'>;
  readonly attributes: KeyAttributes;
  readonly custody: Custody;
  /** The only token that it can come from. */
  readonly token?: HostToken | undefined;
  /** For a version that follows another: its attributes, out of the key as it is when the version is put on record. May refuse. */
  readonly successor?: ((before: StoredKey | undefined, created: number) => KeyAttributes) | undefined;
}

/** Where a new key comes from: the token's generator, or a caller. */
export type KeySource = (pool: HsmPool, making: Making) => Promise<FreshKey>;

/**
 * From an order to a key version that is durable in the store. Where it fails on the way, nothing of the key is left. A key whose token goes
 * away before anything is on record is made once more, in another token or when the same is back.
 */
export async function makeKey(parts: LifecycleParts, order: KeyOrder, source: KeySource): Promise<KeyVersionRecord> {
  const { pool, keys, records, creations } = parts;
  const { name, successor } = order;
  requireCustody(pool, order);
  // Before the token has had the work of it. Who makes a successor has seen what it succeeds.
  if (successor === undefined && keys.find({ name }) === undefined) requireFreeName(name, await records.find(name));
  return creations.pass(() =>
    order.custody === 'wrapped' ? makeWrapped(parts, order, source) : makeResident(parts, order, source),
  );
}

/** @throws StrongroomError `Conflict` with innerCode `ObjectIsDeletedButRecoverable` */
export function requireFreeName(name: string, found: StoredKey | undefined): void {
  if (found?.key.deletion === undefined) return;
  const message = `Key ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged.`;
  throw new StrongroomError('Conflict', message, { innerCode: 'ObjectIsDeletedButRecoverable' });
}

async function makeWrapped(parts: LifecycleParts, order: KeyOrder, source: KeySource): Promise<KeyVersionRecord> {
  const attempt = (): Promise<WrappedFreshKey> => wrapFresh(parts.pool, order, source);
  const { fresh, wrappedKey } = await attempt().catch((error: unknown) => {
    if (mayBeOfToken(error)) return attempt();
    throw error;
  });
  const kept: KeptKey = { version: newVersion(), objectId: randomBytes(OBJECT_ID_BYTES), wrappedKey };
  return changeKey(parts, { name: order.name }, (found) => addVersion(parts, order, fresh, kept, found));
}

interface WrappedFreshKey {
  readonly fresh: FreshKey;
  readonly wrappedKey: Uint8Array;
}

/** All that is made for it is of the session: an instance that is lost takes it along. */
async function wrapFresh(pool: HsmPool, order: KeyOrder, source: KeySource): Promise<WrappedFreshKey> {
  const fresh = await source(pool, inSession(order.token, canWrap));
  try {
    await fresh.prove(fresh.object);
    const wrappedKey = await wrapUnderKek(fresh);
    await proveOnSecondToken(fresh, wrappedKey);
    return { fresh, wrappedKey };
  } catch (error) {
    throw errorOfNewKey(error);
  } finally {
    await fresh.ceremony.end();
  }
}

interface ResidentKey {
  readonly fresh: FreshKey;
  readonly kept: KeptKey;
  readonly intent: Intent;
}

/** What a token that went away may still have is on record as an intent, so that the key is made in another at once. */
async function makeResident(parts: LifecycleParts, order: KeyOrder, source: KeySource): Promise<KeyVersionRecord> {
  const { pool } = parts;
  const token = order.token ?? pool.firstToken;
  const made = await makeResidentIn(token, parts, order, source).catch((error: unknown) => {
    const other = order.token === undefined && mayBeOfToken(error) ? pool.firstToken : token;
    if (other === token) throw error;
    return makeResidentIn(other, parts, order, source);
  });
  return recordResident(parts, order, made);
}

/** The token went away over it, or does not do what it says. */
const OF_TOKEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['ServiceUnavailable', 'OutcomeUnknown', 'NotSupported']);

function mayBeOfToken(error: unknown): boolean {
  return error instanceof StrongroomError && OF_TOKEN.has(error.code);
}

async function makeResidentIn(
  token: HostToken,
  parts: LifecycleParts,
  order: KeyOrder,
  source: KeySource,
): Promise<ResidentKey> {
  const { name } = order;
  const kept: KeptKey = { version: newVersion(), objectId: randomBytes(OBJECT_ID_BYTES), wrappedKey: undefined };
  const { version, objectId } = kept;
  const placement: TokenPlacement = { kind: 'token', id: objectId, label: `${name}/${version}` };
  requireResident(token, order);
  const intent = newIntent(parts, 'make', token.serial, { name, version, objectId });
  try {
    const fresh = await parts.tokenChanges.pass(token, async () => {
      await recordIntent(parts, intent);
      return makeInToken(parts, token, placement, source);
    });
    await syncToken(parts, token);
    return { fresh, kept, intent };
  } catch (error) {
    const settled = settleIntent(parts, intent).catch(() => undefined);
    // A token that was left may take long to answer, and house-keeping comes back to it.
    if (parts.pool.servingTokens.includes(token)) await settled;
    throw error;
  }
}

async function recordResident(
  parts: LifecycleParts,
  order: KeyOrder,
  { fresh, kept, intent }: ResidentKey,
): Promise<KeyVersionRecord> {
  try {
    return await changeKey(parts, { name: order.name }, (found) => ({
      ...addVersion(parts, order, fresh, kept, found),
      endedIntents: [intent.id],
    }));
  } catch (error) {
    const unknown = error instanceof StrongroomError && error.code === 'OutcomeUnknown';
    // A record that may still come would name objects that are gone: the intent is settled later, when the store knows.
    if (!unknown) await settleIntent(parts, intent).catch(() => undefined);
    throw error;
  }
}

async function makeInToken(
  { pool }: LifecycleParts,
  token: HostToken,
  placement: TokenPlacement,
  source: KeySource,
): Promise<FreshKey> {
  const fresh = await source(
    pool,
    canWrap(token)
      ? inSession(token, undefined)
      : { placement: () => placement, extraction: 'locked', token, suits: undefined, changesToken: true },
  );
  try {
    await fresh.prove(fresh.object);
    if (canWrap(token)) await moveIntoToken(fresh, placement);
    else if (fresh.lacksPublicObject) await addPublicObject(fresh, placement);
    await proveInOtherInstance(fresh, placement.id);
    return fresh;
  } catch (error) {
    throw errorOfNewKey(error);
  } finally {
    await fresh.ceremony.end();
  }
}

/** Nobody knows of the key yet: that the token does not have it any more is not the loss of a key. */
function errorOfNewKey(error: unknown): unknown {
  if (!(error instanceof StrongroomError && error.code === 'KeyMissing')) return error;
  return new StrongroomError('ServiceUnavailable', 'The HSM lost the new key while it was made.', { cause: error });
}

/** In the session of the token that is named or suits, until the key is wrapped. */
function inSession(token: HostToken | undefined, suits: Making['suits']): Making {
  return { placement: sessionPlacement, extraction: 'extractable', token, suits, changesToken: false };
}

function canWrap({ profile }: HostToken): boolean {
  return profile.canWrap;
}

async function syncToken(parts: LifecycleParts, { serial }: HostToken): Promise<void> {
  try {
    await parts.syncToken(serial);
  } catch (cause) {
    throw new StrongroomError('ServiceUnavailable', 'The new key could not be brought to disk.', { cause });
  }
}

/** @throws StrongroomError `NotSupported` */
function requireCustody({ tokens }: HsmPool, { custody, attributes }: KeyOrder): void {
  if (custody === 'resident' && attributes.exportable) {
    throw new StrongroomError('NotSupported', 'A key that the HSM keeps itself cannot be released.');
  }
  if (custody === 'wrapped' && !tokens.some(canWrap)) {
    throw new StrongroomError('NotSupported', 'The HSM does not wrap keys, so it can only keep them itself.');
  }
}

/** @throws StrongroomError `NotSupported` */
function requireResident(token: HostToken, { spec, attributes }: KeyOrder): void {
  const { operations } = attributes;
  if (spec.keyType !== 'oct-HSM' || !(operations.includes('sign') || operations.includes('verify'))) return;
  if (token.profile.oneSecretPerId) {
    throw new StrongroomError('NotSupported', 'An oct-HSM key that this HSM keeps itself does not sign.');
  }
  if (!canWrap(token)) {
    // Its HMAC takes a second object of the same value, and without wrapping there is no way to it.
    throw new StrongroomError('NotSupported', 'The HSM does not wrap keys, so its oct-HSM keys do not sign.');
  }
}

const VERSION_BYTES = 16;
const OBJECT_ID_BYTES = 16;

type KeptKey = Pick<KeyVersionRecord, 'version' | 'objectId' | 'wrappedKey'>;

function newVersion(): string {
  return randomBytes(VERSION_BYTES).toString('hex');
}

/** A new key, or a new version of one that is there, which is the newest from then on. */
function addVersion(
  parts: LifecycleParts,
  { name, custody, attributes, successor }: KeyOrder,
  { spec, publicKey }: FreshKey,
  kept: KeptKey,
  before: StoredKey | undefined,
): PlannedChange<KeyVersionRecord> {
  // A clock that was set back does not make a new version older than the last.
  const created = Math.max(secondsOf(parts), before?.version.created ?? 0);
  const itsAttributes = successor?.(before, created) ?? attributes;
  requireFreeName(name, before);
  const record: KeyVersionRecord = {
    name,
    spec,
    custody,
    ...itsAttributes,
    created,
    updated: created,
    publicKey,
    ...kept,
    revision: 1,
  };
  const { versions, rotationPolicy } = before?.key ?? { versions: 0, rotationPolicy: undefined };
  const key = {
    name,
    newest: record.version,
    versions: versions + 1,
    deletion: undefined,
    rotationPolicy,
    rotationDue: nextRotation(rotationPolicy, record),
  };
  return { key, versions: [record], result: record };
}
