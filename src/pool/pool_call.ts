import type { StrongroomError } from '../model/errors.ts';
import type { Completion, HostToken, HsmHost, RingRequest } from './hsm_host.ts';
import type { HsmTask } from './hsm_task.ts';

export type RequestFor = RingRequest | ((host: HsmHost) => RingRequest | Promise<RingRequest>);

export interface CallOptions {
  /** `pure` unless named. */
  readonly effect?: 'pure' | 'mutating' | undefined;
  /** Whose bytes go in; `engine` unless named. */
  readonly input?: 'caller' | 'engine' | undefined;
  /** Makes, changes or destroys an object of the token and not of the session: where the profile says so, one at a time. */
  readonly changesToken?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
  /** As HsmTask.check has it; nothing is looked at unless named. */
  readonly check?: HsmTask['check'] | undefined;
  /** Only on this host: handles of other hosts mean nothing. It fails when the host is gone. */
  readonly host?: HsmHost | undefined;
  /** Elsewhere than on this host, and than on its token, where there is something else. */
  readonly avoided?: HsmHost | undefined;
  /** Only on this token, for what it alone has. */
  readonly token?: HostToken | undefined;
  /** Only on tokens that this is true of. */
  readonly suits?: ((token: HostToken) => boolean) | undefined;
}

/** One request as a promise, for what is not called often. */
export class PoolCall implements HsmTask {
  readonly effect: 'pure' | 'mutating';
  readonly input: 'caller' | 'engine';
  readonly deadline: number;
  readonly answered: Promise<Completion>;
  readonly suits: ((token: HostToken) => boolean) | undefined;
  readonly #request: RequestFor;
  readonly #check: HsmTask['check'] | undefined;
  readonly #resolve: (completion: Completion) => void;
  readonly #reject: (error: StrongroomError) => void;

  constructor(request: RequestFor, options: CallOptions, timeoutMs: number) {
    this.#request = request;
    this.#check = options.check;
    this.effect = options.effect ?? 'pure';
    this.input = options.input ?? 'engine';
    this.suits = options.suits;
    this.deadline = performance.now() + (options.timeoutMs ?? timeoutMs);
    const { promise, resolve, reject } = Promise.withResolvers<Completion>();
    this.answered = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  prefers(): boolean {
    return true;
  }

  prepare(host: HsmHost): RingRequest | Promise<RingRequest> {
    return typeof this.#request === 'function' ? this.#request(host) : this.#request;
  }

  release(): void {
    // Nothing is held for a call.
  }

  leave(): () => void {
    return () => undefined;
  }

  check(completion: Completion, host: HsmHost): boolean | Promise<boolean> {
    return this.#check?.(completion, host) ?? true;
  }

  settle(completion: Completion): void {
    this.#resolve(completion);
  }

  fail(error: StrongroomError): void {
    this.#reject(error);
  }

  forget(): void {
    // Nothing is remembered for a call.
  }
}
