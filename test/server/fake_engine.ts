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
} from '../../src/engine/requests.ts';
import type { KeyService } from '../../src/server/key_service.ts';

export const VERSION = '0123456789abcdef0123456789abcdef';

/** Stands in for the engine where the server's own work is looked at: remembers what it was asked, answers with the input turned round. */
export class FakeEngine implements KeyService {
  readonly requests: { readonly operation: string; readonly request: unknown }[] = [];
  /** Thrown in place of the next answer. */
  failure: unknown;
  /** Awaited before each answer. */
  gate: Promise<void> = Promise.resolve();

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

  async getKey(key: KeyReference): Promise<KeyVersion> {
    await this.#take('getKey', key);
    return this.#version(key.name, EC);
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

  async randomBytes(count: number): Promise<Uint8Array> {
    await this.#take('randomBytes', count);
    return new Uint8Array(count).fill(7);
  }

  async #take(operation: string, request: unknown): Promise<void> {
    this.requests.push({ operation, request });
    await this.gate;
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
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
      tags: {},
      publicKey:
        spec.keyType === 'oct-HSM'
          ? { keyType: 'oct-HSM' }
          : { keyType: 'EC-HSM', curve: 'P-256', x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(2) },
    };
  }
}

const EC = { keyType: 'EC-HSM', curve: 'P-256' } as const;

export function turned(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes).reverse();
}
