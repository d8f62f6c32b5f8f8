import type {
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
  OperationResult,
  Page,
  PageRequest,
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
} from '../engine/requests.ts';
import type { RotationPolicy } from '../model/rotation_policy.ts';
import type { AuditNotes } from './audit_notes.ts';
import type { KeyService } from './key_service.ts';

/**
 * The engine, for one request: notes which version of which key did it, and by which algorithm. Handlers use it as they would the engine,
 * so none of them can forget to.
 */
export class NotedEngine implements KeyService {
  readonly #engine: KeyService;
  readonly #notes: AuditNotes;

  constructor(engine: KeyService, notes: AuditNotes) {
    this.#engine = engine;
    this.#notes = notes;
  }

  sign(request: SignRequest): Promise<SignResult> {
    this.#notes.algorithm = request.algorithm;
    return this.#note(this.#engine.sign(request));
  }

  verify(request: VerifyRequest): Promise<VerifyResult> {
    this.#notes.algorithm = request.algorithm;
    return this.#note(this.#engine.verify(request));
  }

  encrypt(request: EncryptRequest): Promise<EncryptResult> {
    this.#notes.algorithm = request.algorithm;
    return this.#note(this.#engine.encrypt(request));
  }

  decrypt(request: DecryptRequest): Promise<DecryptResult> {
    this.#notes.algorithm = request.algorithm;
    return this.#note(this.#engine.decrypt(request));
  }

  wrapKey(request: WrapKeyRequest): Promise<WrapKeyResult> {
    this.#notes.algorithm = request.algorithm;
    return this.#note(this.#engine.wrapKey(request));
  }

  unwrapKey(request: UnwrapKeyRequest): ReturnType<KeyService['unwrapKey']> {
    this.#notes.algorithm = request.algorithm;
    return this.#note(this.#engine.unwrapKey(request));
  }

  secureWrapKey(request: SecureWrapKeyRequest): Promise<WrapKeyResult> {
    this.#notes.algorithm = request.algorithm;
    return this.#note(this.#engine.secureWrapKey(request));
  }

  secureUnwrapKey(request: SecureUnwrapKeyRequest): Promise<WrapKeyResult> {
    this.#notes.algorithm = request.algorithm;
    return this.#note(this.#engine.secureUnwrapKey(request));
  }

  releaseKey(request: ReleaseKeyRequest): Promise<ReleaseKeyResult> {
    this.#notes.algorithm = request.encryption;
    return this.#note(this.#engine.releaseKey(request));
  }

  createKey(request: CreateKeyRequest): Promise<KeyVersion> {
    return this.#note(this.#engine.createKey(request));
  }

  importKey(request: ImportKeyRequest): Promise<KeyVersion> {
    return this.#note(this.#engine.importKey(request));
  }

  importWrappedKey(request: ImportWrappedKeyRequest): Promise<KeyVersion> {
    return this.#note(this.#engine.importWrappedKey(request));
  }

  getKey(key: KeyReference): Promise<KeyVersion> {
    return this.#note(this.#engine.getKey(key));
  }

  attestKey(key: KeyReference): Promise<KeyAttestation> {
    return this.#note(this.#engine.attestKey(key));
  }

  updateKey(request: UpdateKeyRequest): Promise<KeyVersion> {
    return this.#note(this.#engine.updateKey(request));
  }

  deleteKey(name: string): Promise<DeletedKey> {
    return this.#note(this.#engine.deleteKey(name));
  }

  getDeletedKey(name: string): Promise<DeletedKey> {
    return this.#note(this.#engine.getDeletedKey(name));
  }

  recoverKey(name: string): Promise<KeyVersion> {
    return this.#note(this.#engine.recoverKey(name));
  }

  rotateKey(name: string): Promise<KeyVersion> {
    return this.#note(this.#engine.rotateKey(name));
  }

  restoreKey(backup: Uint8Array): Promise<KeyVersion> {
    return this.#note(this.#engine.restoreKey(backup));
  }

  backupKey(name: string): Promise<Uint8Array> {
    return this.#engine.backupKey(name);
  }

  purgeKey(name: string): Promise<void> {
    return this.#engine.purgeKey(name);
  }

  listKeys(request: PageRequest): Promise<Page<KeyVersion>> {
    return this.#engine.listKeys(request);
  }

  listKeyVersions(name: string, request: PageRequest): Promise<Page<KeyVersion>> {
    return this.#engine.listKeyVersions(name, request);
  }

  listDeletedKeys(request: PageRequest): Promise<Page<DeletedKey>> {
    return this.#engine.listDeletedKeys(request);
  }

  getRotationPolicy(name: string): Promise<RotationPolicy | undefined> {
    return this.#engine.getRotationPolicy(name);
  }

  setRotationPolicy(request: SetRotationPolicyRequest): Promise<RotationPolicy | undefined> {
    return this.#engine.setRotationPolicy(request);
  }

  randomBytes(count: number): ReturnType<KeyService['randomBytes']> {
    return this.#engine.randomBytes(count);
  }

  /** Whose items are noted by the one who puts them together: not all of them come as far as this. */
  batch(items: readonly BatchItem[]): Promise<BatchResult[]> {
    return this.#engine.batch(items);
  }

  listSettings(): Promise<readonly Setting[]> {
    return this.#engine.listSettings();
  }

  setSetting(name: string, value: boolean): Promise<Setting> {
    return this.#engine.setSetting(name, value);
  }

  async #note<Result extends OperationResult>(pending: Promise<Result>): Promise<Result> {
    const result = await pending;
    this.#notes.keyName = result.name;
    this.#notes.keyVersion = result.version;
    return result;
  }
}
