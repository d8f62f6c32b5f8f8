import type { KeyType } from '../../model/key.ts';
import { RING_OPERATION } from '../../pkcs11/binding.ts';
import { type ObjectPlacement, publicKeyTemplate } from '../../pkcs11/key_template.ts';
import { MECHANISM } from '../../pkcs11/mechanism.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS } from '../../pkcs11/template.ts';
import type { HostToken, HsmHost, RingRequest } from '../../pool/hsm_host.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';
import type { CallOptions } from '../../pool/pool_call.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import { decodeHandles } from '../../pool/token_answers.ts';
import { HANDLE_BYTES, unwrappedObject, unwrapRequest, wrapRequest } from '../key_wrapping.ts';
import type { SecretRole } from '../object_bringing.ts';
import { requireOk } from '../token_refusal.ts';
import type { FreshKey } from './fresh_key.ts';
import { proveKept } from './proof.ts';

/** The objects that keep a key in resident custody. An oct key is an AES key, and for HMAC a generic secret of the same value. */
const KEPT: Readonly<Record<KeyType, readonly SecretRole[]>> = {
  'RSA-HSM': ['private'],
  'EC-HSM': ['private'],
  'oct-HSM': ['secret', 'genericSecret'],
};

/** Which of them a token has of a key of this type. */
export function keptRoles({ profile }: HostToken, keyType: KeyType): readonly SecretRole[] {
  return KEPT[keyType].filter((role) => role !== 'genericSecret' || (profile.canWrap && !profile.oneSecretPerId));
}

/**
 * Moves a key from the session into the token, where it can never be extracted again. It goes by way of a KEK that lives for this
 * ceremony alone, because only an unwrapping makes two objects of one value without that value being seen.
 */
export async function moveIntoToken(fresh: FreshKey, placement: ObjectPlacement): Promise<void> {
  const { ceremony, object, publicKey } = fresh;
  await ceremony.pool.selfTest.ensure('CKM_AES_KEY_WRAP_PAD', ceremony.host);
  const kek = await ceremony.make(
    ringRequest(RING_OPERATION.generateKey, {
      mechanism: MECHANISM.CKM_AES_KEY_GEN,
      template: EPHEMERAL_KEK,
      capacity: HANDLE_BYTES,
    }),
  );
  const wrappedKey = await ceremony.ask(wrapRequest(kek, object));
  const { token } = ceremony.host;
  for (const role of keptRoles(token, publicKey.keyType)) {
    const template = unwrappedObject(token, publicKey, role, placement);
    const answer = await ceremony.change(unwrapRequest(kek, wrappedKey, template));
    if (role !== 'genericSecret') await proveKept(fresh, decodeHandles(answer)[0] as number);
  }
  await addPublicObject(fresh, placement);
}

/** Beside the private key lies the public one: for the other programs that use the token. */
export async function addPublicObject({ ceremony, publicKey }: FreshKey, placement: ObjectPlacement): Promise<void> {
  if (publicKey.keyType === 'oct-HSM') return;
  const template = publicKeyTemplate(publicKey, placement);
  await ceremony.change(ringRequest(RING_OPERATION.create, { template, capacity: HANDLE_BYTES }));
}

const EPHEMERAL_KEK = encodeTemplate({
  CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_AES,
  CKA_TOKEN: false,
  CKA_PRIVATE: true,
  CKA_SENSITIVE: true,
  CKA_EXTRACTABLE: false,
  CKA_VALUE_LEN: 32,
  CKA_WRAP: true,
  CKA_UNWRAP: true,
  CKA_ENCRYPT: false,
  CKA_DECRYPT: false,
  CKA_SIGN: false,
  CKA_VERIFY: false,
  CKA_DERIVE: false,
});

const MOST_HANDLES_BYTES = 16 * HANDLE_BYTES;

/**
 * Everything in the token that has this CKA_ID, whichever part of it a failure has left behind. Every instance is asked: one that was not told
 * of an object does not find it.
 */
export async function removeFromToken(pool: HsmPool, token: HostToken, objectId: Uint8Array): Promise<void> {
  const template = encodeTemplate({ CKA_TOKEN: true, CKA_ID: objectId });
  const find = ringRequest(RING_OPERATION.find, { template, capacity: MOST_HANDLES_BYTES });
  const first = await removeFound(pool, find, { token });
  for (const host of pool.hosts.filter((each) => each.token === token && each !== first && each.alive)) {
    await removeFound(pool, find, { host });
  }
}

/** The instance that was asked. */
async function removeFound(
  pool: HsmPool,
  find: RingRequest,
  where: Pick<CallOptions, 'token' | 'host'>,
): Promise<HsmHost | undefined> {
  let host: HsmHost | undefined;
  const request = (chosen: HsmHost): RingRequest => {
    host = chosen;
    return find;
  };
  const { answer } = requireOk(await pool.call(request, where));
  for (const object of decodeHandles(answer)) {
    const destroy = ringRequest(RING_OPERATION.destroy, { object });
    requireOk(await pool.call(destroy, { host, effect: 'mutating', changesToken: true }));
  }
  return host;
}
