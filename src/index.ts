export {
  type EngineLimits,
  type EngineStatus,
  KeyEngine,
  type KeyEngineOptions,
} from './engine/key_engine.ts';
export type {
  BatchItem,
  BatchResult,
  CreateKeyRequest,
  DecryptRequest,
  DecryptResult,
  EncryptRequest,
  EncryptResult,
  ImportKeyRequest,
  KeyReference,
  KeyVersion,
  NewKeyAttributes,
  OperationOptions,
  OperationResult,
  SignRequest,
  SignResult,
  UnwrapKeyRequest,
  VerifyRequest,
  VerifyResult,
  WrapKeyRequest,
  WrapKeyResult,
} from './engine/requests.ts';
export { type AlgorithmName, findAlgorithm } from './model/algorithm.ts';
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
export { type ProvisionedToken, type ProvisioningRequest, startProvisioning } from './pkcs11/provisioning.ts';
export { syncSoftHsmTokens, writeSoftHsmConfiguration } from './pkcs11/softhsm_configuration.ts';
export { HsmPool, type HsmPoolOptions } from './pool/hsm_pool.ts';
export type { PoolStatus } from './pool/pool_status.ts';
export { SqliteStore } from './store/sqlite_store.ts';
export type { KeyLimits, KeyVersionRecord, SealedKeyVersion, Store } from './store/store.ts';
