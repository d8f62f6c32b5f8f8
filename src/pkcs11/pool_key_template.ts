import { EC_PARAMETERS } from './ec_point.ts';
import type { KeyPairTemplates } from './key_template.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS, type Template } from './template.ts';

export type PoolKeyName = 'kek' | 'seal' | SigningKeyName;
/** P-256 keys: `audit` signs the head of the audit log, `attestation` what the pool says to others of its keys. */
export type SigningKeyName = 'audit' | 'attestation';

/** Under what the pool's own keys are found in a token: CKA_LABEL, and CKA_ID of the same bytes. */
export const POOL_KEY_LABEL: Readonly<Record<PoolKeyName, string>> = {
  kek: 'strongroom-kek',
  seal: 'strongroom-seal',
  audit: 'strongroom-audit',
  attestation: 'strongroom-attestation',
};

const KEK_BYTES = 32;
const SEAL_KEY_BYTES = 32;

/**
 * Pool keys are made extractable: the security domain exports each of them once, wrapped, and the ceremony that does so then locks
 * them (CKA_EXTRACTABLE may go from true to false and never back). Until then whoever has the token and its PIN could wrap them out.
 */
const poolKey = (name: PoolKeyName): Template => ({
  ...named(name),
  CKA_PRIVATE: true,
  CKA_SENSITIVE: true,
  CKA_EXTRACTABLE: true,
});

function named(name: PoolKeyName): Template {
  const label = Buffer.from(POOL_KEY_LABEL[name], 'utf8');
  return { CKA_TOKEN: true, CKA_LABEL: label, CKA_ID: label };
}

/**
 * For CKM_AES_KEY_GEN. The KEK wraps and unwraps and does nothing else: a key that could also decrypt would give out in plaintext
 * what it has wrapped (Clulow, "On the Security of PKCS#11", §3).
 */
export function kekTemplate(): Uint8Array {
  return encodeTemplate({
    CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
    CKA_KEY_TYPE: KEY_TYPE.CKK_AES,
    ...poolKey('kek'),
    CKA_VALUE_LEN: KEK_BYTES,
    CKA_WRAP: true,
    CKA_UNWRAP: true,
    CKA_ENCRYPT: false,
    CKA_DECRYPT: false,
    CKA_SIGN: false,
    CKA_VERIFY: false,
    CKA_DERIVE: false,
  });
}

/** For CKM_GENERIC_SECRET_KEY_GEN: the HMAC key that seals rows of the store. */
export function sealKeyTemplate(): Uint8Array {
  return encodeTemplate({
    CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
    CKA_KEY_TYPE: KEY_TYPE.CKK_GENERIC_SECRET,
    ...poolKey('seal'),
    CKA_VALUE_LEN: SEAL_KEY_BYTES,
    CKA_SIGN: true,
    CKA_VERIFY: true,
    CKA_ENCRYPT: false,
    CKA_DECRYPT: false,
    CKA_WRAP: false,
    CKA_UNWRAP: false,
    CKA_DERIVE: false,
  });
}

/** For CKM_EC_KEY_PAIR_GEN. */
export function signingKeyTemplates(name: SigningKeyName): KeyPairTemplates {
  return {
    publicTemplate: encodeTemplate({
      CKA_CLASS: OBJECT_CLASS.CKO_PUBLIC_KEY,
      CKA_KEY_TYPE: KEY_TYPE.CKK_EC,
      ...named(name),
      CKA_PRIVATE: false,
      CKA_EC_PARAMS: EC_PARAMETERS['P-256'],
      CKA_VERIFY: true,
      CKA_ENCRYPT: false,
      CKA_WRAP: false,
      CKA_VERIFY_RECOVER: false,
      CKA_DERIVE: false,
    }),
    privateTemplate: encodeTemplate({
      CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY,
      CKA_KEY_TYPE: KEY_TYPE.CKK_EC,
      ...poolKey(name),
      CKA_SIGN: true,
      CKA_DECRYPT: false,
      CKA_UNWRAP: false,
      CKA_SIGN_RECOVER: false,
      CKA_DERIVE: false,
    }),
  };
}
