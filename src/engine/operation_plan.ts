import {
  ALGORITHMS,
  type Algorithm,
  type AlgorithmName,
  type HashName,
  type KeyObjectRole,
  type Realisation,
} from '../model/algorithm.ts';
import { badParameter } from '../model/errors.ts';
import { CURVE_BYTES, type KeySpec } from '../model/key.ts';
import { OPERATIONS_BOUND_BY_DATES } from '../model/key_operation.ts';
import {
  PARAMETER_KIND,
  type ParameterKind,
  RING_OPERATION,
  type RingOperation,
  SIGNATURE_SCHEME,
  type SignatureScheme,
} from '../pkcs11/binding.ts';
import { gcmParameter, MECHANISM, oaepParameter, pssParameter } from '../pkcs11/mechanism.ts';
import type { HostToken } from '../pool/hsm_host.ts';
import { ciphertextBounds, inputBounds, type LengthBounds, lengthBounds } from './input_bounds.ts';

export type CryptographicOperation = 'sign' | 'verify' | 'encrypt' | 'decrypt' | 'wrapKey' | 'unwrapKey';

type SignatureHash = Exclude<HashName, 'SHA-1'>;

/** What a plan depends on, besides the operation. */
interface OperationPlanOptions {
  readonly spec: KeySpec;
  readonly algorithm: Algorithm;
  /** How the pool does that. */
  readonly realisation: Realisation;
  /** The pool has more than one token. */
  readonly several: boolean;
  /** The only token that has the key. */
  readonly home: HostToken | undefined;
  /** The key has dates. */
  readonly dated: boolean;
}

/** All that is known of an operation with an algorithm before the input comes: worked out once for all keys of a kind. */
export interface OperationPlan {
  readonly operation: CryptographicOperation;
  readonly algorithm: Algorithm;
  readonly realisation: Realisation;
  readonly role: KeyObjectRole;
  readonly ringOperation: RingOperation;
  /** CKM_… */
  readonly mechanism: number;
  readonly parameterKind: ParameterKind;
  /** The mechanism's parameter where it is always the same. */
  readonly parameter: Uint8Array | undefined;
  /** The hash whose DigestInfo the token signs in place of the digest alone. */
  readonly digestInfo: SignatureHash | undefined;
  /** What goes in: to sign, to encrypt, to wrap … */
  readonly input: LengthBounds;
  /** … and what comes back to be decrypted or unwrapped. */
  readonly ciphertext: LengthBounds;
  /** What goes beside it, where the algorithm has such a thing. */
  readonly iv: LengthBounds | undefined;
  readonly tag: LengthBounds | undefined;
  /** Length of a signature; 0 for algorithms that give none. */
  readonly signatureBytes: number;
  /** How to verify a signature outside of the token; undefined where none is made, or nobody else can. */
  readonly signatureScheme: SignatureScheme | undefined;
  /** Answers longer than this come with a second try. */
  readonly overheadBytes: number;
  /** The dates of the key are to be looked at. */
  readonly boundByDates: boolean;
  /** Which tokens can do it; absent where there is one token. */
  readonly suits: ((token: HostToken) => boolean) | undefined;
}

export function planOperation(
  operation: CryptographicOperation,
  { spec, algorithm, realisation, several, home, dated }: OperationPlanOptions,
): OperationPlan {
  const secretSide = operation === 'sign' || operation === 'decrypt' || operation === 'unwrapKey';
  const modulusBytes = spec.keyType === 'RSA-HSM' ? spec.size / 8 : 0;
  const role = secretSide ? algorithm.secretObject : algorithm.publicObject;
  const only = role === 'public' ? undefined : home;
  return {
    operation,
    algorithm,
    realisation,
    role,
    ringOperation: ringOperationOf(realisation, operation),
    mechanism: MECHANISM[realisation.mechanism],
    ...parameterOf(algorithm, realisation),
    digestInfo: digestInfoOf(realisation),
    input: inputBounds(realisation.input ?? algorithm.input, modulusBytes),
    ciphertext: ciphertextBounds(algorithm, modulusBytes),
    iv: exactly(algorithm.initialisationVector?.bytes),
    tag: exactly(algorithm.tagBytes),
    signatureBytes: algorithm.operations.has('sign') ? signatureBytesOf(spec, algorithm) : 0,
    signatureScheme: operation === 'sign' ? signatureSchemeOf(realisation) : undefined,
    overheadBytes: modulusBytes === 0 ? SYMMETRIC_OVERHEAD_BYTES : modulusBytes,
    boundByDates: dated && OPERATIONS_BOUND_BY_DATES.has(operation),
    suits: several ? (token) => token.realisations.has(realisation) && (only ?? token) === token : undefined,
  };
}

function exactly(bytes: number | undefined): LengthBounds | undefined {
  return bytes === undefined ? undefined : lengthBounds(bytes, bytes);
}

/** IV and tag of GCM are the longest of what is added. */
const SYMMETRIC_OVERHEAD_BYTES = 32;

/** @throws StrongroomError `BadParameter` when the algorithm does not fit the operation or the key */
export function requireAlgorithm(spec: KeySpec, operation: CryptographicOperation, name: AlgorithmName): Algorithm {
  const algorithm = ALGORITHMS.get(name);
  if (algorithm === undefined) throw badParameter('alg', 'the name of an algorithm', name);
  if (!algorithm.operations.has(operation)) throw badParameter('alg', `an algorithm for ${operation}`, name);
  if (algorithm.keyType !== spec.keyType) throw badParameter('alg', `an algorithm of ${spec.keyType} keys`, name);
  if (spec.keyType === 'EC-HSM' && algorithm.curve !== spec.curve) {
    throw badParameter('alg', `an algorithm of keys on the curve ${spec.curve}`, name);
  }
  if (spec.keyType === 'oct-HSM') {
    const { keySize = spec.size, minimumKeySize = 0 } = algorithm;
    if (keySize !== spec.size || minimumKeySize > spec.size) {
      throw badParameter('alg', `an algorithm of oct-HSM keys of ${spec.size} bits`, name);
    }
  }
  return algorithm;
}

type Direction = 'sign' | 'verify' | 'encipher' | 'decipher';

const DIRECTION: Readonly<Record<CryptographicOperation, Direction>> = {
  sign: 'sign',
  verify: 'verify',
  encrypt: 'encipher',
  wrapKey: 'encipher',
  decrypt: 'decipher',
  unwrapKey: 'decipher',
};

const { sign, verify, encrypt, decrypt, oaepEncrypt, oaepDecrypt, wrapBytes, unwrapBytes } = RING_OPERATION;

const RING_OPERATIONS: Readonly<Record<Realisation['way'], Partial<Record<Direction, RingOperation>>>> = {
  direct: { sign, verify, encipher: encrypt, decipher: decrypt },
  digestInfo: { sign, verify },
  oaepInHost: { encipher: oaepEncrypt, decipher: oaepDecrypt },
  wrapObject: { encipher: wrapBytes, decipher: unwrapBytes },
};

function ringOperationOf({ way }: Realisation, operation: CryptographicOperation): RingOperation {
  const ringOperation = RING_OPERATIONS[way][DIRECTION[operation]];
  if (ringOperation === undefined) throw new TypeError(`The algorithm table has ${way} for ${operation}.`);
  return ringOperation;
}

type Parameter = Pick<OperationPlan, 'parameterKind' | 'parameter'>;

function parameterOf({ tagBytes = 0 }: Algorithm, { way, parameter, hash }: Realisation): Parameter {
  if (parameter === 'iv') return { parameterKind: PARAMETER_KIND.raw, parameter: undefined };
  if (parameter === 'gcm') {
    return { parameterKind: PARAMETER_KIND.gcm, parameter: gcmParameter(undefined, undefined, tagBytes) };
  }
  if (hash !== undefined && parameter === 'pss') {
    return { parameterKind: PARAMETER_KIND.pss, parameter: pssParameter(hash) };
  }
  if (hash !== undefined && (parameter === 'oaep' || way === 'oaepInHost')) {
    return { parameterKind: PARAMETER_KIND.oaep, parameter: oaepParameter(hash) };
  }
  return { parameterKind: PARAMETER_KIND.none, parameter: undefined };
}

function digestInfoOf({ way, hash }: Realisation): SignatureHash | undefined {
  return way === 'digestInfo' && hash !== 'SHA-1' ? hash : undefined;
}

const PSS_SCHEMES: Readonly<Record<SignatureHash, SignatureScheme>> = {
  'SHA-256': SIGNATURE_SCHEME.pssSha256,
  'SHA-384': SIGNATURE_SCHEME.pssSha384,
  'SHA-512': SIGNATURE_SCHEME.pssSha512,
};

function signatureSchemeOf({ mechanism, hash }: Realisation): SignatureScheme | undefined {
  if (mechanism === 'CKM_ECDSA') return SIGNATURE_SCHEME.ecdsa;
  if (mechanism === 'CKM_RSA_PKCS') return SIGNATURE_SCHEME.pkcs1;
  const isPss = mechanism === 'CKM_RSA_PKCS_PSS' && hash !== undefined && hash !== 'SHA-1';
  return isPss ? PSS_SCHEMES[hash] : undefined;
}

/** An algorithm without a modulus and without a curve is an HMAC, as long as the digest, which is as long as its smallest key. */
function signatureBytesOf(spec: KeySpec, { minimumKeySize = 0 }: Algorithm): number {
  if (spec.keyType === 'RSA-HSM') return spec.size / 8;
  return spec.keyType === 'EC-HSM' ? 2 * CURVE_BYTES[spec.curve] : minimumKeySize / 8;
}
