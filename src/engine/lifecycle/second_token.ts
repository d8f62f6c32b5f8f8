import { StrongroomError } from '../../model/errors.ts';
import type { HostToken, HsmHost, RingRequest } from '../../pool/hsm_host.ts';
import { unwrappedObject, unwrapRequest } from '../key_wrapping.ts';
import { sessionPlacement } from '../object_bringing.ts';
import { requireOk } from '../token_refusal.ts';
import { Ceremony } from './ceremony.ts';
import type { FreshKey } from './fresh_key.ts';
import { requireSameValue } from './proof.ts';

/**
 * A new key comes back as itself in a second token, where there is one, before anybody is told that it exists: from then on the loss of either
 * token is not the loss of the key. @throws StrongroomError `SelfTestFailed`
 */
export async function proveOnSecondToken(fresh: FreshKey, wrappedKey: Uint8Array): Promise<void> {
  const { pool, host } = fresh.ceremony;
  const isSecond = (token: HostToken): boolean => token !== host.token && token.profile.canWrap;
  if (!pool.servingTokens.some(isSecond)) return;
  try {
    await proveIn(fresh, wrappedKey, isSecond);
  } catch (error) {
    const isAway = error instanceof StrongroomError && error.code === 'ServiceUnavailable';
    // It went away over the proof, and was the only one.
    if (!isAway || pool.servingTokens.some(isSecond)) throw error;
  }
}

async function proveIn(
  { ceremony, publicKey, object }: FreshKey,
  wrappedKey: Uint8Array,
  suits: (token: HostToken) => boolean,
): Promise<void> {
  const { pool } = ceremony;
  const unwrap = async (host: HsmHost): Promise<RingRequest> => {
    await pool.selfTest.ensure('CKM_AES_KEY_WRAP_PAD', host);
    const role = publicKey.keyType === 'oct-HSM' ? 'secret' : 'private';
    const template = unwrappedObject(host.token, publicKey, role, sessionPlacement(host.token));
    return unwrapRequest(host.poolKeys.kek, wrappedKey, template);
  };
  const { ceremony: second, completion } = await Ceremony.begin(pool, 'engine', unwrap, { suits });
  try {
    const [kept] = second.adopt(requireOk(completion).answer);
    await pool.selfTest.pair(publicKey, kept as number, second.host);
    if (publicKey.keyType === 'oct-HSM') await requireSameValue([ceremony, object], [second, kept as number]);
  } finally {
    await second.end();
  }
}
