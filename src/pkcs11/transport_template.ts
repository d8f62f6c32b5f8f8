import type { PublicKey } from '../model/key.ts';
import { withoutLeadingZeros } from './signature_format.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS, type Template } from './template.ts';

/*
 * Keys that carry other keys into a token and out of it, as objects of a session that live for one ceremony. Each may do the one thing
 * that it is for: a key that wraps and decrypts as well would give out in plaintext what it has wrapped.
 */

const NO_USE: Template = {
  CKA_ENCRYPT: false,
  CKA_DECRYPT: false,
  CKA_SIGN: false,
  CKA_VERIFY: false,
  CKA_WRAP: false,
  CKA_UNWRAP: false,
  CKA_DERIVE: false,
};

const AES: Template = {
  ...NO_USE,
  CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_AES,
  CKA_TOKEN: false,
  CKA_PRIVATE: true,
  CKA_SENSITIVE: true,
};

export const TRANSPORT_KEY_BYTES = 32;

/** For C_GenerateKey: wraps a key that leaves, and leaves with it, wrapped in its turn. */
export const TRANSPORT_KEY: Uint8Array = encodeTemplate({
  ...AES,
  CKA_EXTRACTABLE: true,
  CKA_WRAP: true,
  CKA_VALUE_LEN: TRANSPORT_KEY_BYTES,
});

/** For C_CreateObject of such a key whose value is wrapped elsewhere. The caller zeroises the template, which holds the key. */
export function transportKeyTemplate(value: Uint8Array): Uint8Array {
  return encodeTemplate({ ...AES, CKA_EXTRACTABLE: false, CKA_WRAP: true, CKA_VALUE: value });
}

/** For C_UnwrapKey: has come with a wrapped key, and unwraps it. */
export const ARRIVED_TRANSPORT_KEY: Uint8Array = encodeTemplate({ ...AES, CKA_EXTRACTABLE: false, CKA_UNWRAP: true });

/** For C_GenerateKey: takes the place of one that did not arrive. */
export const MISSING_TRANSPORT_KEY: Uint8Array = encodeTemplate({
  ...AES,
  CKA_EXTRACTABLE: false,
  CKA_UNWRAP: true,
  CKA_VALUE_LEN: TRANSPORT_KEY_BYTES,
});

/** For C_GenerateKey and C_UnwrapKey: a key that is carried from one wrapping key to another and used for nothing. */
export const CARRIED_KEY: Uint8Array = encodeTemplate({ ...AES, CKA_EXTRACTABLE: true });
export const NEW_CARRIED_KEY: Uint8Array = encodeTemplate({
  ...AES,
  CKA_EXTRACTABLE: true,
  CKA_VALUE_LEN: TRANSPORT_KEY_BYTES,
});

/** For C_CreateObject of a key whose value has come by way of this process. The caller zeroises the template, which holds the key. */
export function carriedKeyTemplate(value: Uint8Array): Uint8Array {
  return encodeTemplate({ ...AES, CKA_EXTRACTABLE: true, CKA_VALUE: value });
}

/** For C_CreateObject of the public key of whoever is to receive a key. */
export function recipientTemplate(publicKey: Extract<PublicKey, { keyType: 'RSA-HSM' }>): Uint8Array {
  return encodeTemplate({
    CKA_CLASS: OBJECT_CLASS.CKO_PUBLIC_KEY,
    CKA_KEY_TYPE: KEY_TYPE.CKK_RSA,
    CKA_TOKEN: false,
    CKA_PRIVATE: false,
    CKA_WRAP: true,
    CKA_ENCRYPT: false,
    CKA_VERIFY: false,
    CKA_VERIFY_RECOVER: false,
    CKA_DERIVE: false,
    CKA_MODULUS: withoutLeadingZeros(publicKey.modulus),
    CKA_PUBLIC_EXPONENT: withoutLeadingZeros(publicKey.publicExponent),
  });
}

const UNWRAPS_ONLY: Template = {
  CKA_TOKEN: false,
  CKA_UNWRAP: true,
  CKA_DECRYPT: false,
  CKA_SIGN: false,
  CKA_SIGN_RECOVER: false,
  CKA_DERIVE: false,
};

/** For C_UnwrapKey of a key exchange key: brings keys in, and does nothing else. */
export const UNWRAPPING_PRIVATE_KEY: Uint8Array = encodeTemplate({
  ...UNWRAPS_ONLY,
  CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_RSA,
  CKA_PRIVATE: true,
  CKA_SENSITIVE: true,
  CKA_EXTRACTABLE: false,
});

/** For C_CopyObject of one that the token keeps. */
export const UNWRAPPING_PRIVATE_KEY_COPY: Uint8Array = encodeTemplate(UNWRAPS_ONLY);
