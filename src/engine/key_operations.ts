import { badParameter } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { BatchSlots } from './batch.ts';
import { type Dispatcher, timedOut } from './dispatcher.ts';
import type { EngineParts } from './engine_parts.ts';
import type { KeyTask } from './key_task.ts';
import type { KeyVersions } from './key_versions.ts';
import type { LoadedKey } from './loaded_key.ts';
import type { KeyOperationRequest, OperationKind } from './operation_kind.ts';
import { OperationPlans } from './operation_plans.ts';
import { DECRYPT } from './operations/decrypt.ts';
import { ENCRYPT } from './operations/encrypt.ts';
import { SIGN } from './operations/sign.ts';
import { UNWRAP_KEY } from './operations/unwrap_key.ts';
import { VERIFY } from './operations/verify.ts';
import { WRAP_KEY } from './operations/wrap_key.ts';
import { requireValidity } from './permission.ts';
import type { BatchItem, BatchResult } from './requests.ts';
import { homeOf } from './resident_home.ts';

/** The operations of a batch, by name. */
const KINDS = {
  sign: SIGN,
  verify: VERIFY,
  encrypt: ENCRYPT,
  decrypt: DECRYPT,
  wrapKey: WRAP_KEY,
  unwrapKey: UNWRAP_KEY,
} as const;

/** Cryptographic operations, from a request to the dispatcher: without waiting for anything where the key is at hand. */
export class KeyOperations {
  readonly #parts: EngineParts;
  readonly #keys: KeyVersions;
  readonly #dispatcher: Dispatcher;
  readonly #plans: OperationPlans;

  constructor(parts: EngineParts, keys: KeyVersions, dispatcher: Dispatcher) {
    this.#parts = parts;
    this.#keys = keys;
    this.#dispatcher = dispatcher;
    this.#plans = new OperationPlans(parts.pool);
  }

  perform<Request extends KeyOperationRequest, Result>(
    kind: OperationKind<Request, Result>,
    request: Request,
  ): Promise<Result> {
    const key = this.#keys.find(request.key);
    if (key === undefined || !key.located) return this.#performLater(kind, request);
    try {
      const task = this.#task(kind, key, request);
      const promise = task.promise();
      this.#dispatcher.admit(task);
      return promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Each item is answered on its own, in the order of the items. */
  batch(items: readonly BatchItem[]): Promise<BatchResult[]> {
    if (items.length > LIMITS.operationsPerBatch) {
      throw badParameter('operations', `at most ${LIMITS.operationsPerBatch}`, items);
    }
    const slots = new BatchSlots(items.length);
    for (const [place, item] of items.entries()) {
      const kind = KINDS[item.operation] as OperationKind<KeyOperationRequest, unknown> | undefined;
      if (kind === undefined) {
        slots.fill(place, {
          ok: false,
          error: badParameter('operation', Object.keys(KINDS).join(', '), item.operation),
        });
      } else this.#performInto(slots, place, kind, item);
    }
    return slots.results;
  }

  /** Counts as an operation while it lasts. */
  async held<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#dispatcher.hold();
    try {
      return await work();
    } finally {
      this.#dispatcher.letGo();
    }
  }

  /** The key is not at hand. While the store is asked, the operation counts as admitted, and its time runs. */
  async #performLater<Request extends KeyOperationRequest, Result>(
    kind: OperationKind<Request, Result>,
    request: Request,
  ): Promise<Result> {
    const started = performance.now();
    const key = await this.held(() => this.#locate(request));
    const timeoutMs = (request.timeoutMs ?? this.#parts.operationTimeoutMs) - (performance.now() - started);
    if (timeoutMs <= 0) throw timedOut();
    const task = this.#task(kind, key, { ...request, timeoutMs });
    const promise = task.promise();
    this.#dispatcher.admit(task);
    return promise;
  }

  async #locate({ key: reference }: KeyOperationRequest): Promise<LoadedKey> {
    const key = this.#keys.find(reference) ?? (await this.#keys.load(reference));
    if (key.located) return key;
    key.home = await homeOf(this.#parts.pool, key.record);
    key.located = true;
    return key;
  }

  #performInto(
    slots: BatchSlots,
    place: number,
    kind: OperationKind<KeyOperationRequest, unknown>,
    request: KeyOperationRequest,
  ): void {
    const key = this.#keys.find(request.key);
    if (key === undefined || !key.located) {
      this.#performLater(kind, request).then(
        (result) => slots.fill(place, { ok: true, result: result as never }),
        (error: unknown) => slots.fill(place, { ok: false, error: error as Error }),
      );
      return;
    }
    try {
      const task = this.#task(kind, key, request);
      task.answerInto(slots, place);
      this.#dispatcher.admit(task);
    } catch (error) {
      slots.fill(place, { ok: false, error: error as Error });
    }
  }

  #task<Request extends KeyOperationRequest, Result>(
    kind: OperationKind<Request, Result>,
    key: LoadedKey,
    request: Request,
  ): KeyTask<Result> {
    const plan = this.#plans.planFor(key, kind.operation, request.algorithm);
    if (plan.boundByDates) requireValidity(key.record, plan.operation, this.#parts.clock());
    return kind.task(this.#parts, key, plan, request);
  }
}
