import type {
  CreateKeyRequest,
  DecryptRequest,
  DecryptResult,
  EncryptRequest,
  EncryptResult,
  ImportKeyRequest,
  KeyReference,
  KeyVersion,
  SignRequest,
  SignResult,
  UnwrapKeyRequest,
  VerifyRequest,
  VerifyResult,
  WrapKeyRequest,
  WrapKeyResult,
} from '../engine/requests.ts';

/** What the server needs of a key engine. */
export interface KeyService {
  createKey(request: CreateKeyRequest): Promise<KeyVersion>;
  importKey(request: ImportKeyRequest): Promise<KeyVersion>;
  getKey(key: KeyReference): Promise<KeyVersion>;
  sign(request: SignRequest): Promise<SignResult>;
  verify(request: VerifyRequest): Promise<VerifyResult>;
  encrypt(request: EncryptRequest): Promise<EncryptResult>;
  decrypt(request: DecryptRequest): Promise<DecryptResult>;
  wrapKey(request: WrapKeyRequest): Promise<WrapKeyResult>;
  unwrapKey(request: UnwrapKeyRequest): Promise<DecryptResult>;
  randomBytes(count: number): Promise<Uint8Array>;
}
