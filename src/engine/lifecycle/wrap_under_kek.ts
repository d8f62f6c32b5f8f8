import { unwrappedObject, unwrapRequest, wrapRequest } from '../key_wrapping.ts';
import { sessionPlacement } from '../object_bringing.ts';
import type { FreshKey } from './fresh_key.ts';
import { proveKept } from './proof.ts';

/** The key under the pool's KEK, once it has been seen to come back from there as the same key. */
export async function wrapUnderKek(fresh: FreshKey): Promise<Uint8Array> {
  const { ceremony, object, publicKey } = fresh;
  const { pool, host } = ceremony;
  await pool.selfTest.ensure('CKM_AES_KEY_WRAP_PAD', host);
  const { kek } = host.poolKeys;
  const wrappedKey = new Uint8Array(await ceremony.ask(wrapRequest(kek, object)));
  const role = publicKey.keyType === 'oct-HSM' ? 'secret' : 'private';
  const template = unwrappedObject(host.token, publicKey, role, sessionPlacement(host.token));
  await proveKept(fresh, await ceremony.make(unwrapRequest(kek, wrappedKey, template)));
  return wrappedKey;
}
