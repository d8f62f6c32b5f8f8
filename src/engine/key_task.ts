import type { StrongroomError } from '../model/errors.ts';
import type { Completion, HsmHost, RingRequest } from '../pool/hsm_host.ts';
import { ringRequest } from '../pool/ring_request.ts';
import { aborted, DispatchedTask } from './dispatched_task.ts';
import type { EngineParts } from './engine_parts.ts';
import type { HostObject } from './host_objects.ts';
import type { LoadedKey } from './loaded_key.ts';
import type { OperationPlan } from './operation_plan.ts';
import type { OperationOptions } from './requests.ts';
import { refusalOf } from './token_refusal.ts';

/** An operation with one object of one key. Subclasses write the request's input, and read the answer. */
export abstract class KeyTask<Result> extends DispatchedTask<Result> {
  protected readonly parts: EngineParts;
  protected readonly key: LoadedKey;
  protected readonly plan: OperationPlan;
  protected readonly request: RingRequest;
  readonly suits: OperationPlan['suits'];
  #object: HostObject | undefined = undefined;
  /** Counts the hosts that were left: what is prepared for one of them ends there. */
  #left = 0;

  constructor(parts: EngineParts, key: LoadedKey, plan: OperationPlan, options: OperationOptions) {
    super(key.queue, options.timeoutMs ?? parts.operationTimeoutMs, options.signal);
    this.parts = parts;
    this.key = key;
    this.plan = plan;
    this.suits = plan.suits;
    const { mechanism, parameterKind, parameter } = plan;
    this.request = ringRequest(plan.ringOperation, { mechanism, parameterKind, parameter });
  }

  prefers(host: HsmHost): boolean {
    return this.parts.custody.holds(this.key, this.plan.role, host);
  }

  prepare(host: HsmHost): RingRequest | Promise<RingRequest> {
    if (this.ended) throw aborted();
    const { custody, pool } = this.parts;
    const object = custody.lease(this.key, this.plan.role, host);
    const tested = pool.selfTest.ensure(this.plan.algorithm.name, host);
    if (tested !== true || object.ready !== undefined) return this.#prepareLater(host, object, tested);
    return this.#with(object);
  }

  release(host: HsmHost): void {
    if (this.#object !== undefined) this.parts.custody.giveBack(this.#object, host);
  }

  leave(host: HsmHost): () => void {
    const object = this.#object;
    this.#left += 1;
    this.#object = undefined;
    return () => {
      if (object !== undefined) this.parts.custody.giveBack(object, host);
    };
  }

  forget(host: HsmHost): void {
    if (this.#object !== undefined) this.parts.custody.forget(this.#object, host);
  }

  async #prepareLater(host: HsmHost, object: HostObject, tested: true | Promise<void>): Promise<RingRequest> {
    const left = this.#left;
    try {
      await tested;
      if (object.ready !== undefined) await object.ready;
      if (this.ended || left !== this.#left) throw aborted();
    } catch (error) {
      this.parts.custody.giveBack(object, host);
      throw error;
    }
    return this.#with(object);
  }

  #with(object: HostObject): RingRequest {
    this.#object = object;
    this.request.object = object.handle;
    return this.request;
  }

  protected answer(completion: Completion): Result {
    if (completion.returnValue !== 0) throw this.refusal(completion);
    return this.result(completion.answer);
  }

  /** What the token's refusal of the input means to the caller. */
  protected refusal(completion: Completion): StrongroomError {
    return refusalOf(this.plan.ringOperation, completion);
  }

  protected abstract result(answer: Uint8Array): Result;
}
