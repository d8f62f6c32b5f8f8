import type { HashName } from '../../model/algorithm.ts';
import { badParameter } from '../../model/errors.ts';
import { PARAMETER_KIND, RING_OPERATION } from '../../pkcs11/binding.ts';
import { MECHANISM, oaepParameter } from '../../pkcs11/mechanism.ts';
import { CARRIED_KEY, carriedKeyTemplate, TRANSPORT_KEY_BYTES } from '../../pkcs11/transport_template.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import { HANDLE_BYTES } from '../key_wrapping.ts';
import type { Ceremony } from '../lifecycle/ceremony.ts';
import { bringObject } from '../object_bringing.ts';
import { decryptionFailed, failureOf } from '../token_refusal.ts';
import { bringUnwrappingKey, modulusBytes } from './bring_in_wrapped_key.ts';
import { carriesKeysByOaep } from './key_transport.ts';

/**
 * An AES key out of RSA-OAEP as an object of the ceremony.
 * @throws StrongroomError `DecryptionFailed`, the same for every value that is none
 */
export async function unwrapByRsa(
  ceremony: Ceremony,
  record: KeyVersionRecord,
  hash: HashName,
  value: Uint8Array,
): Promise<number> {
  if (!(value instanceof Uint8Array)) throw badParameter('value', 'bytes', value);
  if (value.length !== modulusBytes(record)) throw decryptionFailed();
  return carriesKeysByOaep(ceremony.host.token, hash)
    ? unwrapInToken(ceremony, record, hash, value)
    : unwrapBesideToken(ceremony, record, hash, value);
}

async function unwrapInToken(
  ceremony: Ceremony,
  record: KeyVersionRecord,
  hash: HashName,
  value: Uint8Array,
): Promise<number> {
  const { pool, host } = ceremony;
  const unwrap = ringRequest(RING_OPERATION.unwrap, {
    mechanism: MECHANISM.CKM_RSA_PKCS_OAEP,
    parameterKind: PARAMETER_KIND.oaep,
    parameter: oaepParameter(hash),
    object: await bringUnwrappingKey(ceremony, record),
    input: value,
    template: CARRIED_KEY,
    capacity: HANDLE_BYTES,
  });
  const completion = await pool.call(unwrap, { host, input: 'caller' });
  if (completion.returnValue !== 0) throw decryptionFailed(failureOf(completion));
  return ceremony.adopt(completion.answer)[0] as number;
}

/** For a token without this OAEP: raw RSA in the token, the decoding in native code, and the AES key is back in the token at once. */
async function unwrapBesideToken(
  ceremony: Ceremony,
  record: KeyVersionRecord,
  hash: HashName,
  value: Uint8Array,
): Promise<number> {
  const { pool, host } = ceremony;
  const { handle, transient } = await bringObject(pool, record, 'private', host);
  const decrypt = ringRequest(RING_OPERATION.oaepDecrypt, {
    mechanism: MECHANISM.CKM_RSA_X_509,
    parameterKind: PARAMETER_KIND.oaep,
    parameter: oaepParameter(hash),
    object: transient ? ceremony.take(handle) : handle,
    input: value,
    capacity: modulusBytes(record),
  });
  await pool.selfTest.ensure('RSA-OAEP-256', host);
  const completion = await pool.call(decrypt, { host, input: 'caller' });
  const secret = completion.answer;
  if (completion.returnValue !== 0 || secret.length !== TRANSPORT_KEY_BYTES) {
    secret.fill(0);
    throw decryptionFailed(completion.returnValue === 0 ? undefined : failureOf(completion));
  }
  const template = carriedKeyTemplate(secret);
  try {
    return await ceremony.make(ringRequest(RING_OPERATION.create, { template, capacity: HANDLE_BYTES }));
  } finally {
    secret.fill(0);
    template.fill(0);
  }
}
