import type { StrongroomError } from '../../src/model/errors.ts';
import type { KeyMaterial } from '../../src/model/key.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { importTemplate, secretKeyTemplate } from '../../src/pkcs11/key_template.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import type { Completion, HsmHost, RingRequest } from '../../src/pool/hsm_host.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { HsmTask } from '../../src/pool/hsm_task.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { decodeHandles } from '../../src/pool/token_answers.ts';

/** For an AES key of the session. */
export function sessionKeyGeneration(): RingRequest {
  const template = secretKeyTemplate(
    { keyType: 'oct-HSM', size: 256 },
    { kind: 'session', private: true },
    'extractable',
  );
  return ringRequest(RING_OPERATION.generateKey, { mechanism: MECHANISM.CKM_AES_KEY_GEN, template, capacity: 8 });
}

/** A key as the engine's custody would hold it: brought to a host as a session object when it is first needed there. */
export class SessionKey {
  readonly #pool: HsmPool;
  readonly #material: KeyMaterial;
  readonly #handles = new Map<HsmHost, number>();

  constructor(pool: HsmPool, material: KeyMaterial) {
    this.#pool = pool;
    this.#material = material;
    pool.onHostGone((host) => this.#handles.delete(host));
  }

  isIn(host: HsmHost): boolean {
    return this.#handles.has(host);
  }

  forget(host: HsmHost): void {
    this.#handles.delete(host);
  }

  handle(host: HsmHost): number | Promise<number> {
    return this.#handles.get(host) ?? this.#bring(host);
  }

  async #bring(host: HsmHost): Promise<number> {
    const template = importTemplate(this.#material, { kind: 'session', private: true }, 'locked');
    const { answer } = await this.#pool.call(ringRequest(RING_OPERATION.create, { template, capacity: 8 }), { host });
    const [handle] = decodeHandles(answer);
    if (handle === undefined) throw new Error('no handle');
    this.#handles.set(host, handle);
    return handle;
  }
}

/** One pure operation with such a key. */
export class KeyTask implements HsmTask {
  readonly effect = 'pure';
  readonly input = 'caller';
  readonly deadline: number;
  readonly answer: Promise<Uint8Array>;
  readonly #key: SessionKey;
  readonly #request: RingRequest;
  readonly #resolve: (answer: Uint8Array) => void;
  readonly #reject: (error: Error) => void;
  tries = 0;
  open = 0;

  constructor(key: SessionKey, request: RingRequest, timeoutMs = 10_000) {
    this.#key = key;
    this.#request = request;
    this.deadline = performance.now() + timeoutMs;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  prefers(host: HsmHost): boolean {
    return this.#key.isIn(host);
  }

  prepare(host: HsmHost): RingRequest | Promise<RingRequest> {
    this.tries++;
    const handle = this.#key.handle(host);
    if (typeof handle === 'number') return this.#with(handle);
    return handle.then((brought) => this.#with(brought));
  }

  release(): void {
    this.open--;
  }

  leave(): () => void {
    return () => this.release();
  }

  check(): true {
    return true;
  }

  settle(completion: Completion): void {
    if (completion.returnValue === 0) this.#resolve(completion.answer);
    else this.#reject(new Error(`return value ${completion.returnValue}`));
  }

  fail(error: StrongroomError): void {
    this.#reject(error);
  }

  forget(host: HsmHost): void {
    this.#key.forget(host);
  }

  #with(object: number): RingRequest {
    this.open++;
    return { ...this.#request, object };
  }
}
