export { AttestationAuthorities } from './attestation/attestation_authorities.ts';
export type { EngineLimits, KeyEngineOptions } from './engine/engine_options.ts';
export type { HouseKeepingRound } from './engine/house_keeping.ts';
export { type EngineStatus, KeyEngine } from './engine/key_engine.ts';
export type {
  BatchItem,
  BatchResult,
  CreateKeyRequest,
  DecryptRequest,
  DecryptResult,
  DeletedKey,
  EncryptRequest,
  EncryptResult,
  ImportKeyRequest,
  ImportWrappedKeyRequest,
  KeyAttestation,
  KeyReference,
  KeyVersion,
  NewKeyAttributes,
  OperationOptions,
  OperationResult,
  Page,
  PageRequest,
  ReleaseEncryption,
  ReleaseKeyRequest,
  ReleaseKeyResult,
  SecureUnwrapKeyRequest,
  SecureWrapKeyRequest,
  SetRotationPolicyRequest,
  Setting,
  SignRequest,
  SignResult,
  UnwrapKeyRequest,
  UpdateKeyRequest,
  VerifyRequest,
  VerifyResult,
  WrapKeyRequest,
  WrapKeyResult,
  WrappedKeySpec,
} from './engine/requests.ts';
export { type AlgorithmName, findAlgorithm } from './model/algorithm.ts';
export type { Attestation } from './model/attestation.ts';
export { ERROR_CATALOGUE, type ErrorCode, StrongroomError } from './model/errors.ts';
export type {
  Curve,
  Custody,
  EcKeySpec,
  KeyMaterial,
  KeySpec,
  KeyType,
  OctKeySpec,
  PublicKey,
  RsaKeySpec,
} from './model/key.ts';
export type { KeyOperation } from './model/key_operation.ts';
export { LIMITS } from './model/limits.ts';
export type { RecoverySettings } from './model/recovery.ts';
export type { ReleasePolicy } from './model/release_policy.ts';
export type { LifetimeAction, RotationPolicy } from './model/rotation_policy.ts';
export type { SecureWrapAlgorithmName } from './model/secure_wrap_algorithm.ts';
export { type ProvisionedToken, type ProvisioningRequest, startProvisioning } from './pkcs11/provisioning.ts';
export { writeSoftHsmConfiguration } from './pkcs11/softhsm_configuration.ts';
export { SoftHsmTokenSync, syncSoftHsmTokens } from './pkcs11/softhsm_token_sync.ts';
export { HsmPool } from './pool/hsm_pool.ts';
export type { HsmPoolOfTokensOptions, HsmPoolOptions, TokenOptions } from './pool/pool_options.ts';
export type { PoolStatus } from './pool/pool_status.ts';
export { PostgresStore, type PostgresStoreOptions } from './store/postgres_store.ts';
export { SqliteStore } from './store/sqlite_store.ts';
export type { KeyLimits, KeyVersionRecord, SealedKeyVersion, Store } from './store/store.ts';
