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
} from '../../src/engine/requests.ts';
import type { RotationPolicy } from '../../src/model/rotation_policy.ts';
import type { KeyService } from '../../src/server/key_service.ts';

export const VERSION = '0123456789abcdef0123456789abcdef';

/** Stands in for the engine where the server's own work is looked at: remembers what it was asked, answers with the input turned round. */
export class FakeEngine implements KeyService {
  readonly requests: { readonly operation: string; readonly request: unknown }[] = [];
  /** Thrown in place of the next answer. */
  failure: unknown;
  /** Called as soon as something is asked. */
  onRequest: (() => void) | undefined;
  /** Awaited before each answer. */
  gate: Promise<void> = Promise.resolve();
  /** What the keys of answers have beside what all have. */
  shown: Partial<KeyVersion> = {};
  rotationPolicy: RotationPolicy | undefined;
  /** What lists go through: names of keys, or versions. */
  listed: readonly string[] = [];

  get lastRequest(): unknown {
    return this.requests.at(-1)?.request;
  }

  async createKey(request: CreateKeyRequest): Promise<KeyVersion> {
    await this.#take('createKey', request);
    return this.#version(request.name, request.spec.keyType === 'oct-HSM' ? { keyType: 'oct-HSM', size: 256 } : EC);
  }

  async importKey(request: ImportKeyRequest): Promise<KeyVersion> {
    await this.#take('importKey', request);
    return this.#version(request.name, EC);
  }

  async importWrappedKey(request: ImportWrappedKeyRequest): Promise<KeyVersion> {
    await this.#take('importWrappedKey', request);
    return this.#version(request.name, EC);
  }

  async getKey(key: KeyReference): Promise<KeyVersion> {
    await this.#take('getKey', key);
    return this.#version(key.name, EC);
  }

  async updateKey(request: UpdateKeyRequest): Promise<KeyVersion> {
    await this.#take('updateKey', request);
    return this.#version(request.key.name, EC);
  }

  async listKeys(request: PageRequest): Promise<Page<KeyVersion>> {
    await this.#take('listKeys', request);
    return this.#page(request, (name) => this.#version(name, EC));
  }

  async listKeyVersions(name: string, request: PageRequest): Promise<Page<KeyVersion>> {
    await this.#take('listKeyVersions', { name, ...request });
    return this.#page(request, (version) => ({ ...this.#version(name, EC), version }));
  }

  async deleteKey(name: string): Promise<DeletedKey> {
    await this.#take('deleteKey', name);
    return this.#deleted(name);
  }

  async getDeletedKey(name: string): Promise<DeletedKey> {
    await this.#take('getDeletedKey', name);
    return this.#deleted(name);
  }

  async listDeletedKeys(request: PageRequest): Promise<Page<DeletedKey>> {
    await this.#take('listDeletedKeys', request);
    return this.#page(request, (name) => this.#deleted(name));
  }

  async recoverKey(name: string): Promise<KeyVersion> {
    await this.#take('recoverKey', name);
    return this.#version(name, EC);
  }

  async purgeKey(name: string): Promise<void> {
    await this.#take('purgeKey', name);
  }

  async rotateKey(name: string): Promise<KeyVersion> {
    await this.#take('rotateKey', name);
    return this.#version(name, EC);
  }

  async getRotationPolicy(name: string): Promise<RotationPolicy | undefined> {
    await this.#take('getRotationPolicy', name);
    return this.rotationPolicy;
  }

  async setRotationPolicy(request: SetRotationPolicyRequest): Promise<RotationPolicy | undefined> {
    await this.#take('setRotationPolicy', request);
    return this.rotationPolicy;
  }

  async backupKey(name: string): Promise<Uint8Array> {
    await this.#take('backupKey', name);
    return Buffer.from(`backup of ${name}`);
  }

  async restoreKey(backup: Uint8Array): Promise<KeyVersion> {
    await this.#take('restoreKey', Uint8Array.from(backup));
    return this.#version('restored', EC);
  }

  async sign(request: SignRequest): Promise<SignResult> {
    await this.#take('sign', { ...request, digest: Uint8Array.from(request.digest) });
    return { name: request.key.name, version: VERSION, signature: turned(request.digest) };
  }

  async verify(request: VerifyRequest): Promise<VerifyResult> {
    await this.#take('verify', request);
    const valid = Buffer.from(turned(request.digest)).equals(Buffer.from(request.signature));
    return { name: request.key.name, version: VERSION, valid };
  }

  async encrypt(request: EncryptRequest): Promise<EncryptResult> {
    await this.#take('encrypt', { ...request, plaintext: Uint8Array.from(request.plaintext) });
    const { name } = request.key;
    const iv = request.iv ?? new Uint8Array(12);
    return { name, version: VERSION, ciphertext: turned(request.plaintext), iv, tag: new Uint8Array(16).fill(1) };
  }

  async decrypt(request: DecryptRequest): Promise<DecryptResult> {
    await this.#take('decrypt', request);
    return { name: request.key.name, version: VERSION, plaintext: turned(request.ciphertext) };
  }

  async wrapKey(request: WrapKeyRequest): Promise<WrapKeyResult> {
    await this.#take('wrapKey', { ...request, value: Uint8Array.from(request.value) });
    return { name: request.key.name, version: VERSION, value: turned(request.value) };
  }

  async unwrapKey(request: UnwrapKeyRequest): Promise<DecryptResult> {
    await this.#take('unwrapKey', request);
    return { name: request.key.name, version: VERSION, plaintext: turned(request.value) };
  }

  async releaseKey(request: ReleaseKeyRequest): Promise<ReleaseKeyResult> {
    await this.#take('releaseKey', request);
    const { name } = request.key;
    return { name, version: VERSION, value: `released ${request.keyIdentifier(name, VERSION)}` };
  }

  async attestKey(key: KeyReference): Promise<KeyAttestation> {
    await this.#take('attestKey', key);
    return {
      ...this.#version(key.name, EC),
      certificates: 'certificates',
      privateKeyAttestation: Buffer.from('private'),
      publicKeyAttestation: Buffer.from('public'),
      attestationVersion: '1',
    };
  }

  async secureWrapKey(request: SecureWrapKeyRequest): Promise<WrapKeyResult> {
    await this.#take('secureWrapKey', request);
    return { name: request.key.name, version: VERSION, value: Uint8Array.of(1, 2, 3) };
  }

  async secureUnwrapKey(request: SecureUnwrapKeyRequest): Promise<WrapKeyResult> {
    await this.#take('secureUnwrapKey', request);
    return { name: request.key.name, version: VERSION, value: turned(request.value) };
  }

  async randomBytes(count: number): Promise<Uint8Array> {
    await this.#take('randomBytes', count);
    return new Uint8Array(count).fill(7);
  }

  /** The operations themselves, one by one. */
  async batch(items: readonly BatchItem[]): Promise<BatchResult[]> {
    await this.#take('batch', items);
    return Promise.all(
      items.map((item) =>
        this[item.operation](item as never).then(
          (result): BatchResult => ({ ok: true, result }),
          (error: Error): BatchResult => ({ ok: false, error }),
        ),
      ),
    );
  }

  async listSettings(): Promise<readonly Setting[]> {
    await this.#take('listSettings', undefined);
    return [{ name: 'first', value: true }];
  }

  async setSetting(name: string, value: boolean): Promise<Setting> {
    await this.#take('setSetting', { name, value });
    return { name, value };
  }

  async #take(operation: string, request: unknown): Promise<void> {
    this.onRequest?.();
    this.requests.push({ operation, request });
    await this.gate;
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #page<Item>({ after, limit }: PageRequest, itemOf: (mark: string) => Item): Page<Item> {
    const rest = this.listed.filter((mark) => after === undefined || mark > after);
    const marks = rest.slice(0, limit);
    return { items: marks.map(itemOf), next: rest.length > limit ? marks.at(-1) : undefined };
  }

  #deleted(name: string): DeletedKey {
    return { ...this.#version(name, EC), deletion: { deleted: 1_700_000_100, scheduledPurge: 1_707_776_100 } };
  }

  #version(name: string, spec: KeyVersion['spec']): KeyVersion {
    return {
      name,
      version: VERSION,
      spec,
      custody: 'wrapped',
      operations: ['sign', 'verify'],
      enabled: true,
      notBefore: undefined,
      expires: 2_000_000_000,
      created: 1_700_000_000,
      updated: 1_700_000_000,
      exportable: false,
      releasePolicy: undefined,
      recoverableDays: 90,
      recoveryLevel: 'Recoverable+Purgeable',
      tags: {},
      publicKey:
        spec.keyType === 'oct-HSM'
          ? { keyType: 'oct-HSM' }
          : { keyType: 'EC-HSM', curve: 'P-256', x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(2) },
      ...this.shown,
    };
  }
}

const EC = { keyType: 'EC-HSM', curve: 'P-256' } as const;

export function turned(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes).reverse();
}
