import type { AlgorithmName } from '../model/algorithm.ts';
import type { Attestation } from '../model/attestation.ts';
import type { Custody, EcKeySpec, KeyMaterial, KeySpec } from '../model/key.ts';
import type { KeyOperation } from '../model/key_operation.ts';
import type { ReleasePolicy } from '../model/release_policy.ts';
import type { LifetimeAction } from '../model/rotation_policy.ts';
import type { SecureWrapAlgorithmName } from '../model/secure_wrap_algorithm.ts';
import type { KeyDeletion, KeyVersionRecord } from '../store/store.ts';

/** A key version as callers see it: without what is the engine's own. Times in unix seconds. */
export interface KeyVersion extends Omit<KeyVersionRecord, 'wrappedKey' | 'objectId' | 'revision'> {
  /** What would become of the key if it were deleted (Azure API §1.8). */
  readonly recoverableDays: number;
  readonly recoveryLevel: string;
}

/** A deleted key that can still be recovered, as its newest version. */
export interface DeletedKey extends KeyVersion {
  readonly deletion: KeyDeletion;
}

/** Part of a list, in the order of names or of versions. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** What to ask for as `after` to go on; absent at the end. */
  readonly next: string | undefined;
}

export interface PageRequest {
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Which key: its name alone means the newest version. */
export interface KeyReference {
  readonly name: string;
  readonly version?: string | undefined;
}

export interface NewKeyAttributes {
  readonly operations?: readonly KeyOperation[] | undefined;
  readonly enabled?: boolean | undefined;
  readonly notBefore?: number | undefined;
  readonly expires?: number | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** With it, and only with it, the key can be released. */
  readonly releasePolicy?: ReleasePolicy | undefined;
  /** Where the key is kept; the engine's own setting unless named. */
  readonly custody?: Custody | undefined;
}

export interface CreateKeyRequest extends NewKeyAttributes {
  readonly name: string;
  readonly spec: KeySpec;
}

export interface ImportKeyRequest extends NewKeyAttributes {
  readonly name: string;
  /** Zeroised by the engine when the import has ended. */
  readonly material: KeyMaterial;
}

export type WrappedKeySpec =
  | { readonly keyType: 'RSA-HSM' }
  | Pick<EcKeySpec, 'keyType' | 'curve'>
  | { readonly keyType: 'oct-HSM' };

/** A key that comes wrapped to a key of this pool whose only operation is `import` (Azure API §2.5). */
export interface ImportWrappedKeyRequest extends NewKeyAttributes {
  readonly name: string;
  /** What can be known of it from outside; the size comes with the key. */
  readonly spec: WrappedKeySpec;
  /** The key exchange key. */
  readonly exchangeKey: KeyReference;
  /** RSA-OAEP (SHA-1) of an AES key, then the key under that (RFC 5649): PKCS#8 for key pairs, the bytes themselves for oct-HSM. */
  readonly wrappedKey: Uint8Array;
}

/** What is absent stays as it is. `tags` are replaced as a whole. */
export interface UpdateKeyRequest {
  readonly key: KeyReference;
  readonly operations?: readonly KeyOperation[] | undefined;
  readonly enabled?: boolean | undefined;
  readonly notBefore?: number | undefined;
  readonly expires?: number | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly releasePolicy?: ReleasePolicy | undefined;
}

/** Without actions and without an expiry time there is no policy any more. */
export interface SetRotationPolicyRequest {
  readonly name: string;
  readonly lifetimeActions: readonly LifetimeAction[];
  readonly expiryTime: string | undefined;
}

/** How a released key is wrapped: an AES key under RSA-OAEP with this digest, and the released key under the AES key (RFC 5649). */
export type ReleaseEncryption = 'CKM_RSA_AES_KEY_WRAP' | 'RSA_AES_KEY_WRAP_256' | 'RSA_AES_KEY_WRAP_384';

export interface ReleaseKeyRequest {
  readonly key: KeyReference;
  /** What a trusted authority said about the caller's environment. Its signature has been checked. */
  readonly attestation: Attestation;
  readonly encryption: ReleaseEncryption;
  readonly nonce: string | undefined;
  /** The version of the REST API that was spoken, which the answer repeats. */
  readonly apiVersion?: string | undefined;
  /** The `kid` that the answer is to name, which only the caller of the engine knows. */
  readonly keyIdentifier: (name: string, version: string) => string;
}

export interface ReleaseKeyResult extends OperationResult {
  /** A compact JWS, signed by the pool. */
  readonly value: string;
}

/** A statement about a key version, signed by the pool (docs/attestation.md). */
export interface KeyAttestation extends KeyVersion {
  /** PEM. */
  readonly certificates: string;
  readonly privateKeyAttestation: Uint8Array;
  /** Absent for oct-HSM. */
  readonly publicKeyAttestation: Uint8Array | undefined;
  readonly attestationVersion: string;
}

/** A new AES-256 key that nobody has seen, wrapped by a key of the pool (Azure API §1.16). */
export interface SecureWrapKeyRequest {
  readonly key: KeyReference;
  readonly algorithm: SecureWrapAlgorithmName;
}

/** From under a key of the pool to under the attested caller's own, without being seen between. */
export interface SecureUnwrapKeyRequest extends SecureWrapKeyRequest {
  readonly value: Uint8Array;
  readonly attestation: Attestation;
}

/** A setting of the pool. */
export interface Setting {
  readonly name: string;
  readonly value: boolean;
}

/** What every operation takes beside its own. */
export interface OperationOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface SignRequest extends OperationOptions {
  readonly key: KeyReference;
  readonly algorithm: AlgorithmName;
  /** The digest; for HS* and RSNULL the message itself. */
  readonly digest: Uint8Array;
}

export interface VerifyRequest extends SignRequest {
  readonly signature: Uint8Array;
}

export interface EncryptRequest extends OperationOptions {
  readonly key: KeyReference;
  readonly algorithm: AlgorithmName;
  readonly plaintext: Uint8Array;
  /** For CBC alone: 16 bytes, made by the engine when absent. GCM refuses one. */
  readonly iv?: Uint8Array | undefined;
  readonly aad?: Uint8Array | undefined;
}

export interface DecryptRequest extends OperationOptions {
  readonly key: KeyReference;
  readonly algorithm: AlgorithmName;
  readonly ciphertext: Uint8Array;
  readonly iv?: Uint8Array | undefined;
  readonly aad?: Uint8Array | undefined;
  readonly tag?: Uint8Array | undefined;
}

/** Azure's wrapKey: encrypts bytes that the caller gives, and is not C_WrapKey. */
export interface WrapKeyRequest extends OperationOptions {
  readonly key: KeyReference;
  readonly algorithm: AlgorithmName;
  readonly value: Uint8Array;
}

export interface UnwrapKeyRequest extends OperationOptions {
  readonly key: KeyReference;
  readonly algorithm: AlgorithmName;
  readonly value: Uint8Array;
}

/** Which version did it comes with every result: a reference by name alone means the newest. */
export interface OperationResult {
  readonly name: string;
  readonly version: string;
}

export interface SignResult extends OperationResult {
  /** RSA: as long as the modulus. EC: r ‖ s (IEEE P1363). */
  readonly signature: Uint8Array;
}

export interface VerifyResult extends OperationResult {
  readonly valid: boolean;
}

export interface EncryptResult extends OperationResult {
  readonly ciphertext: Uint8Array;
  readonly iv?: Uint8Array;
  readonly tag?: Uint8Array;
  readonly aad?: Uint8Array;
}

export interface DecryptResult extends OperationResult {
  readonly plaintext: Uint8Array;
}

export interface WrapKeyResult extends OperationResult {
  readonly value: Uint8Array;
}

/** One item of `engine.batch`, answered on its own. */
export type BatchItem =
  | ({ readonly operation: 'sign' } & SignRequest)
  | ({ readonly operation: 'verify' } & VerifyRequest)
  | ({ readonly operation: 'encrypt' } & EncryptRequest)
  | ({ readonly operation: 'decrypt' } & DecryptRequest)
  | ({ readonly operation: 'wrapKey' } & WrapKeyRequest)
  | ({ readonly operation: 'unwrapKey' } & UnwrapKeyRequest);

export type BatchResult =
  | { readonly ok: true; readonly result: SignResult | VerifyResult | EncryptResult | DecryptResult | WrapKeyResult }
  | { readonly ok: false; readonly error: Error };
