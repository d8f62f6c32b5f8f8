import type { AlgorithmMechanism, HashName } from '../model/algorithm.ts';

type KeyGenerationMechanism =
  | 'CKM_RSA_PKCS_KEY_PAIR_GEN'
  | 'CKM_EC_KEY_PAIR_GEN'
  | 'CKM_AES_KEY_GEN'
  | 'CKM_GENERIC_SECRET_KEY_GEN';
type DigestMechanism = 'CKM_SHA_1' | 'CKM_SHA256' | 'CKM_SHA384' | 'CKM_SHA512';

export type MechanismName = AlgorithmMechanism | KeyGenerationMechanism | DigestMechanism;

/** CKM_* by name, all that Strongroom uses (PKCS#11 v3.0, pkcs11t.h). */
export const MECHANISM: Readonly<Record<MechanismName, number>> = {
  CKM_RSA_PKCS_KEY_PAIR_GEN: 0x0000,
  CKM_RSA_PKCS: 0x0001,
  CKM_RSA_X_509: 0x0003,
  CKM_RSA_PKCS_OAEP: 0x0009,
  CKM_RSA_PKCS_PSS: 0x000d,
  CKM_SHA_1: 0x0220,
  CKM_SHA256: 0x0250,
  CKM_SHA256_HMAC: 0x0251,
  CKM_SHA384: 0x0260,
  CKM_SHA384_HMAC: 0x0261,
  CKM_SHA512: 0x0270,
  CKM_SHA512_HMAC: 0x0271,
  CKM_GENERIC_SECRET_KEY_GEN: 0x0350,
  CKM_EC_KEY_PAIR_GEN: 0x1040,
  CKM_ECDSA: 0x1041,
  CKM_AES_KEY_GEN: 0x1080,
  CKM_AES_CBC: 0x1082,
  CKM_AES_CBC_PAD: 0x1085,
  CKM_AES_GCM: 0x1087,
  CKM_AES_KEY_WRAP: 0x2109,
  CKM_AES_KEY_WRAP_PAD: 0x210a,
};

/** CKF_* of CK_MECHANISM_INFO: what a token can do with a mechanism. */
export const MECHANISM_FLAG = {
  CKF_HW: 0x0000_0001,
  CKF_ENCRYPT: 0x0000_0100,
  CKF_DECRYPT: 0x0000_0200,
  CKF_DIGEST: 0x0000_0400,
  CKF_SIGN: 0x0000_0800,
  CKF_VERIFY: 0x0000_2000,
  CKF_GENERATE: 0x0000_8000,
  CKF_GENERATE_KEY_PAIR: 0x0001_0000,
  CKF_WRAP: 0x0002_0000,
  CKF_UNWRAP: 0x0004_0000,
  CKF_DERIVE: 0x0008_0000,
} as const;

export const HASH_MECHANISM: Readonly<Record<HashName, number>> = {
  'SHA-1': MECHANISM.CKM_SHA_1,
  'SHA-256': MECHANISM.CKM_SHA256,
  'SHA-384': MECHANISM.CKM_SHA384,
  'SHA-512': MECHANISM.CKM_SHA512,
};

/** CKG_MGF1_* by the hash that it is built on. */
export const MASK_GENERATION_FUNCTION: Readonly<Record<HashName, number>> = {
  'SHA-1': 0x1,
  'SHA-256': 0x2,
  'SHA-384': 0x3,
  'SHA-512': 0x4,
};

/** Bytes of a digest; also the length of the PSS salt in JOSE (RFC 7518 §3.5). */
export const DIGEST_BYTES: Readonly<Record<HashName, number>> = {
  'SHA-1': 20,
  'SHA-256': 32,
  'SHA-384': 48,
  'SHA-512': 64,
};

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true);
  return bytes;
}

function perHash(encode: (hash: HashName) => Uint8Array): Readonly<Record<HashName, Uint8Array>> {
  return {
    'SHA-1': encode('SHA-1'),
    'SHA-256': encode('SHA-256'),
    'SHA-384': encode('SHA-384'),
    'SHA-512': encode('SHA-512'),
  };
}

const OAEP = perHash((hash) => words(HASH_MECHANISM[hash], MASK_GENERATION_FUNCTION[hash]));

/** Parameter of kind `oaep`: MGF1 with the same hash, no label. One shared array per hash, not to be written to. */
export function oaepParameter(hash: HashName): Uint8Array {
  return OAEP[hash];
}

const encodePss = (hash: HashName, saltBytes: number): Uint8Array =>
  words(HASH_MECHANISM[hash], MASK_GENERATION_FUNCTION[hash], saltBytes);
const PSS = perHash((hash) => encodePss(hash, DIGEST_BYTES[hash]));

/** Parameter of kind `pss`: MGF1 with the same hash. One shared array per hash where the salt is as long as the digest, not to be written to. */
export function pssParameter(hash: HashName, saltBytes: number = DIGEST_BYTES[hash]): Uint8Array {
  return saltBytes === DIGEST_BYTES[hash] ? PSS[hash] : encodePss(hash, saltBytes);
}

const GCM_HEADER_BYTES = 16;
const NO_BYTES = new Uint8Array(0);

/** Parameter of kind `gcm`. Without an IV the lane takes 12 fresh bytes from the token, and the answer starts with them. */
export function gcmParameter(iv: Uint8Array | undefined, aad: Uint8Array | undefined, tagBytes: number): Uint8Array {
  const ivBytes = iv ?? NO_BYTES;
  const aadBytes = aad ?? NO_BYTES;
  const parameter = Buffer.allocUnsafe(GCM_HEADER_BYTES + ivBytes.length + aadBytes.length);
  parameter.writeUInt32LE(ivBytes.length, 0);
  parameter.writeUInt32LE(aadBytes.length, 4);
  parameter.writeUInt32LE(tagBytes * 8, 8);
  parameter.writeUInt32LE(0, 12);
  parameter.set(ivBytes, GCM_HEADER_BYTES);
  parameter.set(aadBytes, GCM_HEADER_BYTES + ivBytes.length);
  return parameter;
}
