import { setTimeout as sleep } from 'node:timers/promises';
import { StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { HsmHost } from '../../pool/hsm_host.ts';
import { findTokenObject } from '../object_bringing.ts';
import type { Ceremony } from './ceremony.ts';
import type { FreshKey } from './fresh_key.ts';
import { requireSameValue } from './proof.ts';
import { keptRoles } from './token_objects.ts';

const LOOK_MS = 20;

/**
 * What the instance that made a key holds in its memory need not be in the token: SoftHSM does not look whether its file was written, nor whether
 * the other instances were told of it. So another one, where the token has more than one, has to find the key before anybody is told that it
 * exists; while there is none, it is waited for.
 * @throws StrongroomError `KeyMissing`, `SelfTestFailed`, `ServiceUnavailable`
 */
export async function proveInOtherInstance(fresh: FreshKey, objectId: Uint8Array): Promise<void> {
  if (fresh.ceremony.host.token.profile.hosts < 2) return;
  const latest = performance.now() + LIMITS.operationTimeoutMs;
  for (;;) {
    const other = await otherInstance(fresh.ceremony, latest);
    try {
      await proveIn(other, fresh, objectId);
      return;
    } catch (error) {
      // Its end says nothing of the key.
      const isGone = error instanceof StrongroomError && error.code === 'ServiceUnavailable' && !other.alive;
      if (!isGone) throw error;
    }
  }
}

async function otherInstance({ pool, host }: Ceremony, latest: number): Promise<HsmHost> {
  while (performance.now() < latest) {
    const found = pool.hosts.find((each) => each !== host && each.token === host.token && each.alive);
    if (found !== undefined) return found;
    await sleep(LOOK_MS);
  }
  throw new StrongroomError('ServiceUnavailable', 'The HSM has no second instance now to look for the new key.');
}

async function proveIn(
  host: HsmHost,
  { ceremony, object, spec, publicKey }: FreshKey,
  objectId: Uint8Array,
): Promise<void> {
  const { pool } = ceremony;
  for (const role of keptRoles(host.token, spec.keyType)) {
    const found = await findTokenObject(pool, { spec, objectId }, role, host);
    if (role === 'private') await pool.selfTest.pair(publicKey, found, host);
    else if (role === 'secret') await requireSameValue([ceremony, object], [{ pool, host }, found]);
  }
}
