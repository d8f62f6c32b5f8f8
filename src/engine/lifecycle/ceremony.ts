import { StrongroomError } from '../../model/errors.ts';
import { RING_OPERATION } from '../../pkcs11/binding.ts';
import type { Completion, HsmHost, RingRequest } from '../../pool/hsm_host.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';
import type { CallOptions } from '../../pool/pool_call.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import { decodeHandles } from '../../pool/token_answers.ts';
import { failureOf, requireOk } from '../token_refusal.ts';

/**
 * The making of one key, all of it in one instance of the vendor library, because handles mean nothing in another. It begins with the
 * request that brings the key into being, and ends with every object destroyed that was made on the way.
 */
export class Ceremony {
  readonly pool: HsmPool;
  readonly host: HsmHost;
  /** Whose values the key is made of: what a caller brought must not be held against the token when it fails. */
  readonly #origin: 'caller' | 'engine';
  readonly #objects: number[] = [];

  private constructor(pool: HsmPool, host: HsmHost, origin: 'caller' | 'engine') {
    this.pool = pool;
    this.host = host;
    this.#origin = origin;
  }

  /** The pool chooses the host. A return value other than CKR_OK is the caller's to read. */
  static async begin(
    pool: HsmPool,
    origin: 'caller' | 'engine',
    request: (host: HsmHost) => RingRequest | Promise<RingRequest>,
    options: CallOptions,
  ): Promise<{ readonly ceremony: Ceremony; readonly completion: Completion }> {
    let host: HsmHost | undefined;
    const completion = await pool.call(
      (chosen) => {
        host = chosen;
        return request(chosen);
      },
      { ...options, input: origin },
    );
    return { ceremony: new Ceremony(pool, host as HsmHost, origin), completion };
  }

  ask(request: RingRequest): Promise<Uint8Array> {
    return this.#ask(request, {});
  }

  /**
   * For a request that makes or ends an object of the token itself: some tokens take one of these at a time. The key has been in use by then:
   * a failure is not its doing, whoever brought it.
   */
  change(request: RingRequest): Promise<Uint8Array> {
    return this.#ask(request, { effect: 'mutating', changesToken: true, input: 'engine' });
  }

  /** For a request that answers with one new object of the session. */
  async make(request: RingRequest): Promise<number> {
    const [handle] = this.adopt(await this.ask(request));
    return handle as number;
  }

  /** New objects of the session, as a lane answers them: they are destroyed at the end. */
  adopt(answer: Uint8Array): number[] {
    const handles = decodeHandles(answer);
    if (handles.length === 0) throw new TypeError('The lane answered without a handle');
    this.#objects.push(...handles);
    return handles;
  }

  /** For an object of the session that came into being beside the ceremony, in its host: it is destroyed at the end. */
  take(object: number): number {
    this.#objects.push(object);
    return object;
  }

  /** What cannot be destroyed any more is gone with its instance. */
  async end(): Promise<void> {
    const destroyed = this.#objects
      .splice(0)
      .map((object) => this.#ask(ringRequest(RING_OPERATION.destroy, { object }), { effect: 'mutating' }));
    await Promise.allSettled(destroyed);
  }

  async #ask(request: RingRequest, options: CallOptions): Promise<Uint8Array> {
    const { input = this.#origin } = options;
    const completion = await this.pool.call(request, { ...options, host: this.host, input });
    if (input === 'engine') return requireOk(completion).answer;
    if (completion.returnValue === 0) return completion.answer;
    throw new StrongroomError('BadParameter', 'The HSM does not take this key.', { cause: failureOf(completion) });
  }
}
