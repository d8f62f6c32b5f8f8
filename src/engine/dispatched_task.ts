import { badParameter, StrongroomError } from '../model/errors.ts';
import type { Completion, HsmHost, RingRequest } from '../pool/hsm_host.ts';
import type { HsmTask } from '../pool/hsm_task.ts';
import type { BatchSlots } from './batch.ts';
import type { TaskQueue } from './task_queue.ts';

/** Who is told when a task leaves the engine. */
export interface TaskOwner {
  /** A caller gave up while the task waited in its queue: it leaves now. */
  withdraw(task: DispatchedTask): void;
  /** The pool is done with the task. */
  finished(task: DispatchedTask): void;
}

let resolveLatest: (value: never) => void;
let rejectLatest: (error: unknown) => void;
/** One function for all promises of the engine, so that an operation costs no closure. */
const takeResolvers = (resolve: (value: never) => void, reject: (error: unknown) => void): void => {
  resolveLatest = resolve;
  rejectLatest = reject;
};

/**
 * An operation on its way through the engine, from admission to its answer. It is the HsmTask itself, the member of its queue and of
 * the list of all that were admitted, and the listener on the caller's AbortSignal: one object for everything.
 */
export abstract class DispatchedTask<Result = unknown> implements HsmTask {
  readonly effect = 'pure';
  readonly input = 'caller';
  readonly deadline: number;
  readonly queue: TaskQueue;
  /** Written by the queue and by the dispatcher alone. */
  ahead: DispatchedTask | undefined = undefined;
  behind: DispatchedTask | undefined = undefined;
  earlier: DispatchedTask | undefined = undefined;
  later: DispatchedTask | undefined = undefined;
  waits = false;
  /** The caller has his answer, whatever still comes. */
  ended = false;
  #owner: TaskOwner | undefined = undefined;
  #resolve: ((value: never) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;
  #batch: BatchSlots | undefined = undefined;
  #place = 0;
  readonly #signal: AbortSignal | undefined;

  constructor(queue: TaskQueue, timeoutMs: number, signal: AbortSignal | undefined) {
    if (!(timeoutMs > 0)) throw badParameter('timeoutMs', 'a number of milliseconds', timeoutMs);
    this.queue = queue;
    this.deadline = performance.now() + timeoutMs;
    this.#signal = signal;
  }

  abstract prefers(host: HsmHost): boolean;
  abstract prepare(host: HsmHost): RingRequest | Promise<RingRequest>;
  abstract release(host: HsmHost): void;
  abstract leave(host: HsmHost): () => void;
  abstract forget(host: HsmHost): void;
  /** The result, or a StrongroomError thrown, out of what the token answered. */
  protected abstract answer(completion: Completion): Result;

  check(_completion: Completion, _host: HsmHost): boolean | Promise<boolean> {
    return true;
  }

  get aborted(): boolean {
    return this.#signal?.aborted ?? false;
  }

  /** The answer as a promise of its own. */
  promise(): Promise<Result> {
    const promise = new Promise<Result>(takeResolvers);
    this.#resolve = resolveLatest;
    this.#reject = rejectLatest;
    return promise;
  }

  /** The answer as one of a batch. */
  answerInto(batch: BatchSlots, place: number): void {
    this.#batch = batch;
    this.#place = place;
  }

  /** From now on the task is the dispatcher's. */
  admitted(owner: TaskOwner): void {
    this.#owner = owner;
    this.#signal?.addEventListener('abort', this);
  }

  /** The caller's AbortSignal. */
  handleEvent(): void {
    this.giveUp(aborted());
  }

  /** Answers the caller now; what the token makes of it later is dropped. */
  giveUp(error: StrongroomError): void {
    if (this.ended) return;
    this.refuse(error);
    if (this.waits) this.#owner?.withdraw(this);
  }

  settle(completion: Completion): void {
    this.#owner?.finished(this);
    if (this.ended) {
      completion.answer.fill(0);
      return;
    }
    let result: Result;
    try {
      result = this.answer(completion);
    } catch (error) {
      this.refuse(error as Error);
      return;
    }
    this.#end();
    if (this.#batch === undefined) this.#resolve?.(result as never);
    else this.#batch.fill(this.#place, { ok: true, result: result as never });
  }

  fail(error: StrongroomError): void {
    this.#owner?.finished(this);
    if (!this.ended) this.refuse(error);
  }

  /** Also for a task that was never admitted. */
  refuse(error: Error): void {
    this.#end();
    if (this.#batch === undefined) this.#reject?.(error);
    else this.#batch.fill(this.#place, { ok: false, error });
  }

  #end(): void {
    this.ended = true;
    this.#signal?.removeEventListener('abort', this);
  }
}

export function aborted(): StrongroomError {
  return new StrongroomError('Aborted', 'The operation was given up by its caller.');
}
