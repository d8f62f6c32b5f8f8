import { randomBytes } from 'node:crypto';
import type { Intent } from '../../store/store.ts';
import { type LifecycleParts, secondsOf } from '../engine_parts.ts';
import { removeFromToken } from './token_objects.ts';

const ID_BYTES = 16;

export function newIntent(
  parts: LifecycleParts,
  kind: Intent['kind'],
  { name, version, objectId }: Pick<Intent, 'name' | 'version' | 'objectId'>,
): Intent {
  const id = randomBytes(ID_BYTES).toString('hex');
  return { id, token: parts.pool.token.serial, kind, name, version, objectId, created: secondsOf(parts) };
}

/** Durable before anything of it is done. */
export async function recordIntent({ store, records }: LifecycleParts, intent: Intent): Promise<void> {
  await store.addIntent(await records.sealIntent(intent));
}

/** Once the key version is on record the objects are the key, and stay; otherwise they go, whatever was meant with them. */
export async function settleIntent(parts: LifecycleParts, { id, name, version, objectId }: Intent): Promise<void> {
  const { pool, store, records, tokenChanges } = parts;
  const found = await records.find(name, version);
  if (found === undefined || Buffer.compare(found.version.objectId, objectId) !== 0) {
    await tokenChanges.pass(() => removeFromToken(pool, objectId));
    await parts.syncToken();
  }
  await store.endIntent(id);
}

/**
 * What this token was in the middle of when an engine over it ended. One engine at a time has a token with resident keys: another one would
 * take what the first is doing for what was left behind.
 */
export function openIntents({ records, pool }: LifecycleParts): Promise<Intent[]> {
  return records.listIntents(pool.token.serial);
}
