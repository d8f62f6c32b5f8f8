import type { AlgorithmName } from '../model/algorithm.ts';
import type { Custody, KeyMaterial, KeySpec, PublicKey } from '../model/key.ts';
import type { KeyOperation } from '../model/key_operation.ts';

/** A key version as callers see it. Times in unix seconds. */
export interface KeyVersion {
  readonly name: string;
  readonly version: string;
  readonly spec: KeySpec;
  readonly custody: Custody;
  readonly operations: readonly KeyOperation[];
  readonly enabled: boolean;
  readonly notBefore: number | undefined;
  readonly expires: number | undefined;
  readonly created: number;
  readonly updated: number;
  readonly exportable: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly publicKey: PublicKey;
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
