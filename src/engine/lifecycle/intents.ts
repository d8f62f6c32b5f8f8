import { randomBytes } from 'node:crypto';
import { StrongroomError } from '../../model/errors.ts';
import type { HostToken } from '../../pool/hsm_host.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';
import type { Intent } from '../../store/store.ts';
import { type LifecycleParts, secondsOf } from '../engine_parts.ts';
import { removeFromToken } from './token_objects.ts';

const ID_BYTES = 16;

export function newIntent(
  parts: LifecycleParts,
  kind: Intent['kind'],
  token: string,
  { name, version, objectId }: Pick<Intent, 'name' | 'version' | 'objectId'>,
): Intent {
  const id = randomBytes(ID_BYTES).toString('hex');
  return { id, token, kind, name, version, objectId, created: secondsOf(parts) };
}

/** Durable before anything of it is done. */
export async function recordIntent({ store, records }: LifecycleParts, intent: Intent): Promise<void> {
  await store.addIntent(await records.sealIntent(intent));
}

/** Once the key version is on record the objects are the key, and stay; otherwise they go, whatever was meant with them. */
export async function settleIntent(
  parts: LifecycleParts,
  { id, token: serial, name, version, objectId }: Intent,
): Promise<void> {
  const { pool, store, records, tokenChanges } = parts;
  const found = await records.find(name, version);
  if (found === undefined || Buffer.compare(found.version.objectId, objectId) !== 0) {
    const token = requireToken(pool, serial);
    await tokenChanges.pass(token, () => removeFromToken(pool, token, objectId));
    await parts.syncToken(serial);
  }
  await store.endIntent(id);
}

/** @throws StrongroomError `ServiceUnavailable` (`TokenAway`) */
function requireToken({ tokens }: HsmPool, serial: string): HostToken {
  const token = tokens.find((each) => each.serial === serial);
  if (token !== undefined) return token;
  throw new StrongroomError('ServiceUnavailable', 'The token with the objects of this key is not available now.', {
    innerCode: 'TokenAway',
  });
}

/**
 * What the tokens that are there were in the middle of when an engine over them ended; of the others when they are there again. One engine at
 * a time has a token with resident keys: another one would take what the first is doing for what was left behind.
 */
export async function openIntents({ records, pool }: LifecycleParts): Promise<Intent[]> {
  return (await Promise.all(pool.tokens.map(({ serial }) => records.listIntents(serial)))).flat();
}
