import { badParameter } from '../model/errors.ts';
import type { Custody } from '../model/key.ts';
import { LIMITS } from '../model/limits.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import type { PoolStatus } from '../pool/pool_status.ts';
import type { Store } from '../store/store.ts';
import { BatchSlots } from './batch.ts';
import { Dispatcher, timedOut } from './dispatcher.ts';
import { EncryptionBudget } from './encryption_budget.ts';
import type { EngineParts, LifecycleParts } from './engine_parts.ts';
import { type CustodyStatus, KeyCustody } from './key_custody.ts';
import type { KeyTask } from './key_task.ts';
import { KeyVersions } from './key_versions.ts';
import { createKey } from './lifecycle/create.ts';
import { importKey } from './lifecycle/import.ts';
import type { LoadedKey } from './loaded_key.ts';
import type { KeyOperationRequest, OperationKind } from './operation_kind.ts';
import { type OperationPlan, planOperation } from './operation_plan.ts';
import { DECRYPT } from './operations/decrypt.ts';
import { ENCRYPT } from './operations/encrypt.ts';
import { RandomTask } from './operations/random.ts';
import { SIGN } from './operations/sign.ts';
import { UNWRAP_KEY } from './operations/unwrap_key.ts';
import { VERIFY } from './operations/verify.ts';
import { WRAP_KEY } from './operations/wrap_key.ts';
import { requireValidity } from './permission.ts';
import type * as requests from './requests.ts';
import { TaskQueue } from './task_queue.ts';
import { WorkGate } from './work_gate.ts';

/** What an embedder may set in place of the house's own maximum. */
export interface EngineLimits {
  readonly keys: number;
  readonly versionsPerKey: number;
  readonly operationsAdmitted: number;
  readonly operationsQueuedPerKey: number;
  readonly sessionObjectsPerHost: number;
  readonly keyVersionsCached: number;
  readonly gcmEncryptionsPerKeyVersion: number;
  readonly gcmEncryptionsReserved: number;
}

export interface KeyEngineOptions {
  /** Neither is closed with the engine. */
  readonly pool: HsmPool;
  readonly store: Store;
  /** Where keys are kept whose maker does not say: `wrapped` unless named. */
  readonly custody?: Custody | undefined;
  readonly operationTimeoutMs?: number | undefined;
  readonly limits?: Partial<EngineLimits> | undefined;
  /** Unix milliseconds; `Date.now` unless named. */
  readonly clock?: (() => number) | undefined;
  /** Brings new objects of the token to disk, for a token that does not do so itself. Called before a resident key is put on record. */
  readonly syncToken?: (() => Promise<void>) | undefined;
}

export interface EngineStatus {
  readonly closed: boolean;
  /** Operations that run or wait, and of those the ones that wait. */
  readonly admitted: number;
  readonly waiting: number;
  readonly keyVersionsCached: number;
  readonly custody: CustodyStatus;
  readonly pool: PoolStatus;
}

/** The operations of a batch, by name. */
const KINDS = {
  sign: SIGN,
  verify: VERIFY,
  encrypt: ENCRYPT,
  decrypt: DECRYPT,
  wrapKey: WRAP_KEY,
  unwrapKey: UNWRAP_KEY,
} as const;

/**
 * Keys and what is done with them, over a pool of HSM hosts and a store. It knows no callers and no roles: whoever holds it may do
 * everything. Inputs are read until their promise has settled, and are not to be written to before.
 *
 * Every operation may fail with `BadParameter`, `KeyNotFound`, `Forbidden`, `Throttled`, `Timeout`, `Aborted`, `ServiceUnavailable`,
 * `NotSupported`, `SelfTestFailed`, `StoreTampered` or `KeyMissing`.
 */
export class KeyEngine {
  readonly #parts: EngineParts;
  readonly #lifecycle: LifecycleParts;
  readonly #dispatcher: Dispatcher;
  readonly #keys: KeyVersions;
  readonly #pool: HsmPool;
  readonly #randomQueue = new TaskQueue();
  #closing: Promise<void> | undefined;

  private constructor(options: KeyEngineOptions) {
    const { pool, store, clock = Date.now } = options;
    const limits = requireLimits({ ...HOUSE_LIMITS, ...options.limits });
    this.#pool = pool;
    this.#keys = new KeyVersions(pool, store, limits.keyVersionsCached);
    this.#dispatcher = new Dispatcher(pool, limits);
    this.#parts = {
      pool,
      custody: new KeyCustody(pool, limits.sessionObjectsPerHost),
      budget: new EncryptionBudget(store, limits.gcmEncryptionsReserved, limits.gcmEncryptionsPerKeyVersion),
      clock,
      operationTimeoutMs: options.operationTimeoutMs ?? LIMITS.operationTimeoutMs,
    };
    this.#lifecycle = {
      pool,
      store,
      keys: this.#keys,
      limits,
      clock,
      defaultCustody: options.custody ?? 'wrapped',
      creations: new WorkGate(LIMITS.keyCreations, LIMITS.keyCreationsWaiting),
      tokenChanges: new WorkGate(pool.profile.serialisedCreation ? 1 : LIMITS.keyCreations, LIMITS.keyCreationsWaiting),
      syncToken: options.syncToken ?? (async () => undefined),
    };
  }

  static async open(options: KeyEngineOptions): Promise<KeyEngine> {
    return new KeyEngine(options);
  }

  /** Generates a key in the HSM: a new one, or a new version of one that is there. `Conflict`, `KeyCurveNotSupported`. */
  async createKey(request: requests.CreateKeyRequest): Promise<requests.KeyVersion> {
    return viewOf(await this.#held(() => createKey(this.#lifecycle, request)));
  }

  /** Takes a caller's key into the HSM, and zeroises what he gave. `Conflict`, `KeyCurveNotSupported`. */
  async importKey(request: requests.ImportKeyRequest): Promise<requests.KeyVersion> {
    return viewOf(await this.#held(() => importKey(this.#lifecycle, request)));
  }

  async getKey(key: requests.KeyReference): Promise<requests.KeyVersion> {
    return viewOf(this.#keys.find(key) ?? (await this.#held(() => this.#keys.load(key))));
  }

  /** RFC 7518 §3; RSNULL is PKCS#1 v1.5 without a DigestInfo. EC signatures are r ‖ s. */
  sign(request: requests.SignRequest): Promise<requests.SignResult> {
    return this.#perform(SIGN, request);
  }

  /** `valid` is false for every signature that is not one, of whatever length. */
  verify(request: requests.VerifyRequest): Promise<requests.VerifyResult> {
    return this.#perform(VERIFY, request);
  }

  encrypt(request: requests.EncryptRequest): Promise<requests.EncryptResult> {
    return this.#perform(ENCRYPT, request);
  }

  /** `DecryptionFailed` for every ciphertext that does not decrypt, whatever the reason. */
  decrypt(request: requests.DecryptRequest): Promise<requests.DecryptResult> {
    return this.#perform(DECRYPT, request);
  }

  /** Encrypts bytes that the caller gives, as Azure's wrapKey does. */
  wrapKey(request: requests.WrapKeyRequest): Promise<requests.WrapKeyResult> {
    return this.#perform(WRAP_KEY, request);
  }

  /** `DecryptionFailed` for every value that does not unwrap, whatever the reason. */
  unwrapKey(request: requests.UnwrapKeyRequest): Promise<requests.DecryptResult> {
    return this.#perform(UNWRAP_KEY, request);
  }

  /** From the HSM's generator. */
  async randomBytes(count: number, options: requests.OperationOptions = {}): Promise<Uint8Array> {
    const task = new RandomTask(this.#randomQueue, count, this.#parts.operationTimeoutMs, options);
    const promise = task.promise();
    this.#dispatcher.admit(task);
    return promise;
  }

  /** Many operations in one call, each answered on its own, in the order of the items. */
  async batch(items: readonly requests.BatchItem[]): Promise<requests.BatchResult[]> {
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

  status(): EngineStatus {
    return {
      closed: this.#closing !== undefined,
      admitted: this.#dispatcher.admitted,
      waiting: this.#dispatcher.waiting,
      keyVersionsCached: this.#keys.count,
      custody: this.#parts.custody.status(),
      pool: this.#pool.status(),
    };
  }

  /** Refuses what comes, and waits for what is under way for at most `drainMs`. Pool and store stay open: they are their opener's. */
  close(options: { readonly drainMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.drainMs ?? LIMITS.drainTimeoutMs);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    await this.#dispatcher.close(drainMs);
    this.#parts.custody.close();
  }

  #perform<Request extends KeyOperationRequest, Result>(
    kind: OperationKind<Request, Result>,
    request: Request,
  ): Promise<Result> {
    const key = this.#keys.find(request.key);
    if (key === undefined) return this.#performLater(kind, request);
    try {
      const task = this.#task(kind, key, request);
      const promise = task.promise();
      this.#dispatcher.admit(task);
      return promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The key is not at hand. While the store is asked, the operation counts as admitted, and its time runs. */
  async #performLater<Request extends KeyOperationRequest, Result>(
    kind: OperationKind<Request, Result>,
    request: Request,
  ): Promise<Result> {
    const started = performance.now();
    const key = await this.#held(() => this.#keys.load(request.key));
    const timeoutMs = (request.timeoutMs ?? this.#parts.operationTimeoutMs) - (performance.now() - started);
    if (timeoutMs <= 0) throw timedOut();
    const task = this.#task(kind, key, { ...request, timeoutMs });
    const promise = task.promise();
    this.#dispatcher.admit(task);
    return promise;
  }

  #performInto(
    slots: BatchSlots,
    place: number,
    kind: OperationKind<KeyOperationRequest, unknown>,
    request: KeyOperationRequest,
  ): void {
    const key = this.#keys.find(request.key);
    if (key === undefined) {
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
    const plan = key.plans[kind.index]?.get(request.algorithm) ?? this.#plan(kind, key, request);
    if (plan.boundByDates) requireValidity(key.record, plan.operation, this.#parts.clock());
    return kind.task(this.#parts, key, plan, request);
  }

  #plan<Request extends KeyOperationRequest, Result>(
    { operation, index }: OperationKind<Request, Result>,
    key: LoadedKey,
    { algorithm }: Request,
  ): OperationPlan {
    const plan = planOperation(key.record, operation, algorithm, (name) => this.#pool.realisation(name));
    let plans = key.plans[index];
    if (plans === undefined) {
      plans = new Map();
      key.plans[index] = plans;
    }
    plans.set(algorithm, plan);
    return plan;
  }

  /** Counts as an operation while it lasts. */
  async #held<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#dispatcher.hold();
    try {
      return await work();
    } finally {
      this.#dispatcher.letGo();
    }
  }
}

const HOUSE_LIMITS: EngineLimits = {
  keys: LIMITS.keysPerPool,
  versionsPerKey: LIMITS.versionsPerKey,
  operationsAdmitted: LIMITS.operationsAdmitted,
  operationsQueuedPerKey: LIMITS.operationsQueuedPerKey,
  sessionObjectsPerHost: LIMITS.sessionObjectsPerHost,
  keyVersionsCached: LIMITS.keyVersionsCached,
  gcmEncryptionsPerKeyVersion: LIMITS.gcmEncryptionsPerKeyVersion,
  gcmEncryptionsReserved: LIMITS.gcmEncryptionsReserved,
};

function requireLimits(limits: EngineLimits): EngineLimits {
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new TypeError(`Expected an integer of at least 1 for limits.${name}, received ${String(value)}.`);
    }
  }
  return limits;
}

/** Without what is the engine's own: the wrapped key, the id of its objects, the count of changes. */
function viewOf({ record }: LoadedKey): requests.KeyVersion {
  const { wrappedKey: _wrappedKey, objectId: _objectId, revision: _revision, ...view } = record;
  return view;
}
