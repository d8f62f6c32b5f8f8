import type { KeyObjectRole } from '../model/algorithm.ts';
import type { PublicKey } from '../model/key.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import { type Extraction, type ObjectPlacement, pointTemplate, unwrapTemplate } from '../pkcs11/key_template.ts';
import { MECHANISM } from '../pkcs11/mechanism.ts';
import type { HostToken, RingRequest } from '../pool/hsm_host.ts';
import { ringRequest } from '../pool/ring_request.ts';

/** A handle, as lanes answer it. */
export const HANDLE_BYTES = 8;
/** PKCS#8 of an RSA-4096 key is the longest that is wrapped. */
const WRAPPED_BYTES = 4 * 1024;

/** C_WrapKey as keys are kept: RFC 5649. */
export function wrapRequest(wrappingKey: number, object: number): RingRequest {
  return ringRequest(RING_OPERATION.wrap, {
    mechanism: MECHANISM.CKM_AES_KEY_WRAP_PAD,
    object: wrappingKey,
    object2: object,
    capacity: WRAPPED_BYTES,
  });
}

/** For C_UnwrapKey of a key whose public half is known, as this token wants it. */
export function unwrappedObject(
  { profile }: HostToken,
  publicKey: PublicKey,
  role: Exclude<KeyObjectRole, 'public'>,
  placement: ObjectPlacement,
  extraction: Extraction = 'locked',
): Uint8Array {
  const template = unwrapTemplate(publicKey.keyType, role, placement, extraction);
  if (publicKey.keyType !== 'EC-HSM' || !profile.namesPointOfUnwrapped) return template;
  return Buffer.concat([template, pointTemplate(publicKey)]);
}

export function unwrapRequest(wrappingKey: number, wrappedKey: Uint8Array, template: Uint8Array): RingRequest {
  return ringRequest(RING_OPERATION.unwrap, {
    mechanism: MECHANISM.CKM_AES_KEY_WRAP_PAD,
    object: wrappingKey,
    input: wrappedKey,
    template,
    capacity: HANDLE_BYTES,
  });
}
