import type { Curve, KeyType } from './key.ts';
import type { KeyOperation } from './key_operation.ts';

/**
 * The algorithms of a Managed HSM, one row each. Code below takes the row, never the name: what a row does not say,
 * the code does not know. Sources: RFC 7518, RFC 3394, RFC 5649, Azure "Key types, algorithms, and operations".
 */
export interface Algorithm {
  readonly name: AlgorithmName;
  readonly keyType: KeyType;
  /** The operations that may name this algorithm. */
  readonly operations: ReadonlySet<KeyOperation>;
  /** The only curve it works with. */
  readonly curve?: Curve;
  /** The only key size it works with, in bits. */
  readonly keySize?: number;
  /** Smallest size of a key object that tokens accept for it, in bits. */
  readonly minimumKeySize?: number;
  /** What the caller may hand in to sign, encrypt or wrapKey. */
  readonly input: InputRule;
  /** Ways to do it with a token, best first; the first that the token can do is taken. */
  readonly realisations: readonly Realisation[];
  /** Which object of the key serves the secret side (sign, decrypt, unwrap) … */
  readonly secretObject: KeyObjectRole;
  /** … and the public side (verify, encrypt, wrap). */
  readonly publicObject: KeyObjectRole;
  /** What travels beside the value. */
  readonly initialisationVector?: InitialisationVectorRule;
  /** Authenticated encryption: takes aad, gives and needs a tag of this many bytes. */
  readonly tagBytes?: number;
}

export type AlgorithmName =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'RSNULL'
  | 'ES256'
  | 'ES256K'
  | 'ES384'
  | 'ES512'
  | 'HS256'
  | 'HS384'
  | 'HS512'
  | 'RSA1_5'
  | 'RSA-OAEP'
  | 'RSA-OAEP-256'
  | 'A128GCM'
  | 'A192GCM'
  | 'A256GCM'
  | 'A128CBC'
  | 'A192CBC'
  | 'A256CBC'
  | 'A128CBCPAD'
  | 'A192CBCPAD'
  | 'A256CBCPAD'
  | 'A128KW'
  | 'A192KW'
  | 'A256KW'
  | 'CKM_AES_KEY_WRAP'
  | 'CKM_AES_KEY_WRAP_PAD';

export type HashName = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';

/** Lengths in bytes. `belowModulus`: at most the modulus length less this much. */
export interface InputRule {
  readonly exact?: number;
  readonly minimum?: number;
  readonly multipleOf?: number;
  readonly belowModulus?: number;
}

export interface InitialisationVectorRule {
  readonly bytes: number;
  /** `engine`: made by us and refused from callers of encrypt; `caller`: taken when given, made when not. */
  readonly source: 'engine' | 'caller';
}

/** The PKCS#11 objects that one key version may need. An oct key is an AES key and, for HMAC, a generic secret of the same value. */
export type KeyObjectRole = 'private' | 'public' | 'secret' | 'genericSecret';

/**
 * One way to do an algorithm with a PKCS#11 token.
 * - `direct`: the operation with this mechanism and parameter.
 * - `digestInfo`: `direct` over the caller's digest inside a DigestInfo (RFC 8017 §9.2, note 1).
 * - `oaepInHost`: raw RSA in the token, OAEP encoding and constant-time decoding in native code.
 * - `wrapObject`: the caller's bytes become a session object that C_WrapKey exports; and back.
 */
export interface Realisation {
  readonly way: 'direct' | 'digestInfo' | 'oaepInHost' | 'wrapObject';
  readonly mechanism: AlgorithmMechanism;
  readonly hash?: HashName;
  readonly parameter?: 'none' | 'pss' | 'oaep' | 'iv' | 'gcm';
  /** What goes in where this way takes less than the algorithm does. */
  readonly input?: InputRule;
}

export type AlgorithmMechanism =
  | 'CKM_RSA_PKCS'
  | 'CKM_RSA_PKCS_PSS'
  | 'CKM_RSA_PKCS_OAEP'
  | 'CKM_RSA_X_509'
  | 'CKM_ECDSA'
  | 'CKM_SHA256_HMAC'
  | 'CKM_SHA384_HMAC'
  | 'CKM_SHA512_HMAC'
  | 'CKM_AES_GCM'
  | 'CKM_AES_CBC'
  | 'CKM_AES_CBC_PAD'
  | 'CKM_AES_KEY_WRAP'
  | 'CKM_AES_KEY_WRAP_PAD';

const SIGN_AND_VERIFY: ReadonlySet<KeyOperation> = new Set<KeyOperation>(['sign', 'verify']);
const ENCRYPT_AND_DECRYPT: ReadonlySet<KeyOperation> = new Set<KeyOperation>(['encrypt', 'decrypt']);
const WRAP_AND_UNWRAP: ReadonlySet<KeyOperation> = new Set<KeyOperation>(['wrapKey', 'unwrapKey']);
const ENCRYPT_AND_WRAP: ReadonlySet<KeyOperation> = new Set<KeyOperation>([
  'encrypt',
  'decrypt',
  'wrapKey',
  'unwrapKey',
]);

const HASH_BYTES: Readonly<Record<HashName, number>> = { 'SHA-1': 20, 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 };

function rsaSignature(name: AlgorithmName, hash: HashName, realisation: Omit<Realisation, 'hash'>): Algorithm {
  return {
    name,
    keyType: 'RSA-HSM',
    operations: SIGN_AND_VERIFY,
    input: { exact: HASH_BYTES[hash] },
    realisations: [{ ...realisation, hash }],
    secretObject: 'private',
    publicObject: 'public',
  };
}

const pkcs1Signature = (name: AlgorithmName, hash: HashName): Algorithm =>
  rsaSignature(name, hash, { way: 'digestInfo', mechanism: 'CKM_RSA_PKCS' });

const pssSignature = (name: AlgorithmName, hash: HashName): Algorithm =>
  rsaSignature(name, hash, { way: 'direct', mechanism: 'CKM_RSA_PKCS_PSS', parameter: 'pss' });

function ecSignature(name: AlgorithmName, curve: Curve, hash: HashName): Algorithm {
  return {
    name,
    keyType: 'EC-HSM',
    operations: SIGN_AND_VERIFY,
    curve,
    input: { exact: HASH_BYTES[hash] },
    realisations: [{ way: 'direct', mechanism: 'CKM_ECDSA' }],
    secretObject: 'private',
    publicObject: 'public',
  };
}

/** The caller's value is the message itself; tokens want a key no shorter than the digest (RFC 7518 §3.2 says so too). */
function hmac(name: AlgorithmName, hash: HashName, mechanism: AlgorithmMechanism): Algorithm {
  return {
    name,
    keyType: 'oct-HSM',
    operations: SIGN_AND_VERIFY,
    minimumKeySize: HASH_BYTES[hash] * 8,
    input: { minimum: 1 },
    realisations: [{ way: 'direct', mechanism }],
    secretObject: 'genericSecret',
    publicObject: 'genericSecret',
  };
}

function rsaEncryption(name: AlgorithmName, overhead: number, realisations: readonly Realisation[]): Algorithm {
  return {
    name,
    keyType: 'RSA-HSM',
    operations: ENCRYPT_AND_WRAP,
    input: { belowModulus: overhead },
    realisations,
    secretObject: 'private',
    publicObject: 'public',
  };
}

function aes(
  name: AlgorithmName,
  keySize: number | undefined,
  operations: ReadonlySet<KeyOperation>,
  row: Pick<Algorithm, 'input' | 'realisations' | 'initialisationVector' | 'tagBytes'>,
): Algorithm {
  return { name, keyType: 'oct-HSM', operations, keySize, secretObject: 'secret', publicObject: 'secret', ...row };
}

const gcm = (name: AlgorithmName, keySize: number): Algorithm =>
  aes(name, keySize, ENCRYPT_AND_DECRYPT, {
    input: {},
    realisations: [{ way: 'direct', mechanism: 'CKM_AES_GCM', parameter: 'gcm' }],
    initialisationVector: { bytes: 12, source: 'engine' },
    tagBytes: 16,
  });

const cbc = (name: AlgorithmName, keySize: number): Algorithm =>
  aes(name, keySize, ENCRYPT_AND_DECRYPT, {
    input: { minimum: 16, multipleOf: 16 },
    realisations: [{ way: 'direct', mechanism: 'CKM_AES_CBC', parameter: 'iv' }],
    initialisationVector: { bytes: 16, source: 'caller' },
  });

const cbcPad = (name: AlgorithmName, keySize: number): Algorithm =>
  aes(name, keySize, ENCRYPT_AND_DECRYPT, {
    input: {},
    realisations: [{ way: 'direct', mechanism: 'CKM_AES_CBC_PAD', parameter: 'iv' }],
    initialisationVector: { bytes: 16, source: 'caller' },
  });

const keyWrap = (name: AlgorithmName, keySize: number | undefined): Algorithm =>
  aes(name, keySize, WRAP_AND_UNWRAP, {
    input: { minimum: 16, multipleOf: 8 },
    realisations: [
      { way: 'direct', mechanism: 'CKM_AES_KEY_WRAP' },
      { way: 'wrapObject', mechanism: 'CKM_AES_KEY_WRAP' },
    ],
  });

const keyWrapPad = (name: AlgorithmName): Algorithm =>
  aes(name, undefined, WRAP_AND_UNWRAP, {
    input: { minimum: 1 },
    realisations: [
      { way: 'direct', mechanism: 'CKM_AES_KEY_WRAP_PAD' },
      // C_WrapKey fills a secret key up with zeros to 8 bytes (PKCS#11 v2.40, §2.14.3): any other length would come back longer.
      { way: 'wrapObject', mechanism: 'CKM_AES_KEY_WRAP_PAD', input: { minimum: 8, multipleOf: 8 } },
    ],
  });

const ROWS: readonly Algorithm[] = [
  pkcs1Signature('RS256', 'SHA-256'),
  pkcs1Signature('RS384', 'SHA-384'),
  pkcs1Signature('RS512', 'SHA-512'),
  pssSignature('PS256', 'SHA-256'),
  pssSignature('PS384', 'SHA-384'),
  pssSignature('PS512', 'SHA-512'),
  {
    name: 'RSNULL',
    keyType: 'RSA-HSM',
    operations: SIGN_AND_VERIFY,
    input: { minimum: 1, belowModulus: 11 },
    realisations: [{ way: 'direct', mechanism: 'CKM_RSA_PKCS' }],
    secretObject: 'private',
    publicObject: 'public',
  },
  ecSignature('ES256', 'P-256', 'SHA-256'),
  ecSignature('ES256K', 'P-256K', 'SHA-256'),
  ecSignature('ES384', 'P-384', 'SHA-384'),
  ecSignature('ES512', 'P-521', 'SHA-512'),
  hmac('HS256', 'SHA-256', 'CKM_SHA256_HMAC'),
  hmac('HS384', 'SHA-384', 'CKM_SHA384_HMAC'),
  hmac('HS512', 'SHA-512', 'CKM_SHA512_HMAC'),
  rsaEncryption('RSA1_5', 11, [{ way: 'direct', mechanism: 'CKM_RSA_PKCS' }]),
  rsaEncryption('RSA-OAEP', 42, [{ way: 'direct', mechanism: 'CKM_RSA_PKCS_OAEP', parameter: 'oaep', hash: 'SHA-1' }]),
  rsaEncryption('RSA-OAEP-256', 66, [
    { way: 'direct', mechanism: 'CKM_RSA_PKCS_OAEP', parameter: 'oaep', hash: 'SHA-256' },
    { way: 'oaepInHost', mechanism: 'CKM_RSA_X_509', hash: 'SHA-256' },
  ]),
  gcm('A128GCM', 128),
  gcm('A192GCM', 192),
  gcm('A256GCM', 256),
  cbc('A128CBC', 128),
  cbc('A192CBC', 192),
  cbc('A256CBC', 256),
  cbcPad('A128CBCPAD', 128),
  cbcPad('A192CBCPAD', 192),
  cbcPad('A256CBCPAD', 256),
  keyWrap('A128KW', 128),
  keyWrap('A192KW', 192),
  keyWrap('A256KW', 256),
  keyWrap('CKM_AES_KEY_WRAP', undefined),
  keyWrapPad('CKM_AES_KEY_WRAP_PAD'),
];

/** Every algorithm by its exact name. */
export const ALGORITHMS: ReadonlyMap<AlgorithmName, Algorithm> = new Map(ROWS.map((row) => [row.name, row]));

const BY_FOLDED_NAME: ReadonlyMap<string, Algorithm> = new Map(ROWS.map((row) => [row.name.toLowerCase(), row]));

/** The row of a name as clients spell it: upper and lower case are the same (Azure API §1.25, 15). */
export function findAlgorithm(name: string): Algorithm | undefined {
  return BY_FOLDED_NAME.get(name.toLowerCase());
}
