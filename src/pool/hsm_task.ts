import type { StrongroomError } from '../model/errors.ts';
import type { Completion, HostToken, HsmHost, RingRequest } from './hsm_host.ts';

/**
 * One piece of work for the pool. The pool chooses the host, has the task write the request for that host (handles
 * differ from host to host), reacts to what comes back by the table in pkcs11/return_value.ts, and may do a pure task
 * again elsewhere. It ends in exactly one of `settle` and `fail`.
 */
export interface HsmTask {
  /** `pure` leaves nothing behind in the token and may be done again; `mutating` is never repeated after a lane took it. */
  readonly effect: 'pure' | 'mutating';
  /** Whose data the operation is about: errors that a caller's bytes provoke never count against the token. */
  readonly input: 'caller' | 'engine';
  /** In the time of `performance.now()`. */
  readonly deadline: number;
  /** Whether a token can do it, for what not every token of a pool can; absent where each can. */
  readonly suits?: ((token: HostToken) => boolean) | undefined;
  /** True when this host holds what the task needs already. */
  prefers(host: HsmHost): boolean;
  /** The request for this host; a promise where something must be brought there first (a key to unwrap). Called again for each try. */
  prepare(host: HsmHost): RingRequest | Promise<RingRequest>;
  /**
   * The host does not come back with it, and it goes elsewhere: answers what `release` would have done for what has been prepared, to be called
   * when the host is done with it after all. Where it is still being prepared, that ends it.
   */
  leave(host: HsmHost): () => void;
  /** Something in the host is over with for this try: leases end here. Called once for each `prepare` that gave a request. */
  release(host: HsmHost): void;
  /**
   * Whether what the token gave with CKR_OK is right, as far as that is looked at. What is not right is zeroised and never settled: the
   * host counts as lying, and the task is done again elsewhere, once.
   */
  check(completion: Completion, host: HsmHost): boolean | Promise<boolean>;
  /** The token's answer: CKR_OK, or a return value whose reaction is the caller's (input, policy, signature invalid). */
  settle(completion: Completion): void;
  fail(error: StrongroomError): void;
  /** A return value said that a handle is not known any more: forget it, so that the next `prepare` brings it anew. */
  forget(host: HsmHost): void;
}
