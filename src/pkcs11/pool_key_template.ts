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

/** `incoming`: brought in beside those that are in use, whose place they are to take. */
export type PoolKeyPlace = 'current' | 'incoming';

export function poolKeyLabel(name: PoolKeyName, place: PoolKeyPlace): string {
  return place === 'current' ? POOL_KEY_LABEL[name] : `${POOL_KEY_LABEL[name]}-incoming`;
}

const KEK_BYTES = 32;
const SEAL_KEY_BYTES = 32;

/**
 * Pool keys are made extractable: the security domain exports them, wrapped, and the ceremony that does so locks them when it is over
 * (CKA_EXTRACTABLE may go from true to false and never back). Until then whoever has the token and its PIN could wrap them out. Those
 * that come out of a security domain are locked from the start.
 */
const poolKey = (name: PoolKeyName, isExtractable: boolean): Template => ({
  ...named(name),
  ...guarded(isExtractable),
});

const guarded = (isExtractable: boolean): Template => ({
  CKA_PRIVATE: true,
  CKA_SENSITIVE: true,
  CKA_EXTRACTABLE: isExtractable,
});

function named(name: PoolKeyName, place: PoolKeyPlace = 'current'): Template {
  const label = Buffer.from(poolKeyLabel(name, place), 'utf8');
  return { CKA_TOKEN: true, CKA_LABEL: label, CKA_ID: label };
}

/**
 * The KEK wraps and unwraps and does nothing else: a key that could also decrypt would give out in plaintext what it has wrapped
 * (Clulow, "On the Security of PKCS#11", §3).
 */
const KEK: Template = {
  CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_AES,
  CKA_WRAP: true,
  CKA_UNWRAP: true,
  CKA_ENCRYPT: false,
  CKA_DECRYPT: false,
  CKA_SIGN: false,
  CKA_VERIFY: false,
  CKA_DERIVE: false,
};

/** The HMAC key that seals rows of the store. */
const SEAL: Template = {
  CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_GENERIC_SECRET,
  CKA_SIGN: true,
  CKA_VERIFY: true,
  CKA_ENCRYPT: false,
  CKA_DECRYPT: false,
  CKA_WRAP: false,
  CKA_UNWRAP: false,
  CKA_DERIVE: false,
};

const SIGNING_PRIVATE: Template = {
  CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_EC,
  CKA_SIGN: true,
  CKA_DECRYPT: false,
  CKA_UNWRAP: false,
  CKA_SIGN_RECOVER: false,
  CKA_DERIVE: false,
};

const SIGNING_PUBLIC: Template = {
  CKA_CLASS: OBJECT_CLASS.CKO_PUBLIC_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_EC,
  CKA_PRIVATE: false,
  CKA_EC_PARAMS: EC_PARAMETERS['P-256'],
  CKA_VERIFY: true,
  CKA_ENCRYPT: false,
  CKA_WRAP: false,
  CKA_VERIFY_RECOVER: false,
  CKA_DERIVE: false,
};

const SECRET_HALF: Readonly<Record<PoolKeyName, Template>> = {
  kek: KEK,
  seal: SEAL,
  audit: SIGNING_PRIVATE,
  attestation: SIGNING_PRIVATE,
};

/** How many pool keys are objects of this class (CKO_…) in a token. */
export function poolKeysOfClass(objectClass: number): number {
  return Object.values(SECRET_HALF).filter(({ CKA_CLASS }) => CKA_CLASS === objectClass).length;
}

/** For CKM_AES_KEY_GEN. */
export function kekTemplate(): Uint8Array {
  return encodeTemplate({ ...KEK, ...poolKey('kek', true), CKA_VALUE_LEN: KEK_BYTES });
}

/** For CKM_GENERIC_SECRET_KEY_GEN. */
export function sealKeyTemplate(): Uint8Array {
  return encodeTemplate({ ...SEAL, ...poolKey('seal', true), CKA_VALUE_LEN: SEAL_KEY_BYTES });
}

/** For CKM_EC_KEY_PAIR_GEN. */
export function signingKeyTemplates(name: SigningKeyName): KeyPairTemplates {
  return {
    publicTemplate: encodeTemplate({ ...SIGNING_PUBLIC, ...named(name) }),
    privateTemplate: encodeTemplate({ ...SIGNING_PRIVATE, ...poolKey(name, true) }),
  };
}

/** For C_UnwrapKey of what a security domain has brought: the private or secret half, never to leave the token again. */
export function recoveredPoolKeyTemplate(name: PoolKeyName, place: PoolKeyPlace): Uint8Array {
  return encodeTemplate({ ...SECRET_HALF[name], ...poolKey(name, false), ...named(name, place) });
}

/** For C_CreateObject of the public half that belongs to it. `point` is the value of CKA_EC_POINT. */
export function recoveredPublicKeyTemplate(name: SigningKeyName, point: Uint8Array, place: PoolKeyPlace): Uint8Array {
  return encodeTemplate({ ...SIGNING_PUBLIC, ...named(name, place), CKA_EC_POINT: point });
}

/** For C_UnwrapKey of one that is looked at, as an object of the session: when that ends, whyever it does, nothing of it is left. */
export function passingPoolKeyTemplate(name: PoolKeyName): Uint8Array {
  return encodeTemplate({ ...SECRET_HALF[name], ...guarded(false), CKA_TOKEN: false });
}

/** For C_CreateObject of the public half that belongs to it. */
export function passingPublicKeyTemplate(point: Uint8Array): Uint8Array {
  return encodeTemplate({ ...SIGNING_PUBLIC, CKA_TOKEN: false, CKA_EC_POINT: point });
}

/** For C_CopyObject of an incoming half, which is to be found as a current one. What is not named is as in the original. */
export function currentPoolKeyTemplate(name: PoolKeyName): Uint8Array {
  return encodeTemplate(named(name));
}
