import { LIMITS } from '../model/limits.ts';
import type { RotationPolicy } from '../model/rotation_policy.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import type { PoolStatus } from '../pool/pool_status.ts';
import { SealedDocuments } from '../store/sealed_documents.ts';
import type { KeyVersionRecord, WholeKey } from '../store/store.ts';
import { Dispatcher } from './dispatcher.ts';
import { EncryptionBudget } from './encryption_budget.ts';
import { type KeyEngineOptions, requireLimits, requireRecovery } from './engine_options.ts';
import type { EngineParts, LifecycleParts } from './engine_parts.ts';
import { HouseKeeping, type HouseKeepingRound } from './house_keeping.ts';
import { type CustodyStatus, KeyCustody } from './key_custody.ts';
import type { StoredDeletedKey } from './key_not_found.ts';
import { KeyOperations } from './key_operations.ts';
import { KeyTurns } from './key_turns.ts';
import { KeyVersions } from './key_versions.ts';
import { viewOf, viewOfDeleted } from './key_view.ts';
import { backupKey } from './lifecycle/backup.ts';
import { createKey } from './lifecycle/create.ts';
import { deleteKey } from './lifecycle/delete.ts';
import { getDeletedKey } from './lifecycle/get_deleted.ts';
import { importKey } from './lifecycle/import.ts';
import { openIntents, settleIntent } from './lifecycle/intents.ts';
import { listDeletedKeys, listKeys, listKeyVersions } from './lifecycle/list.ts';
import { purgeKey } from './lifecycle/purge.ts';
import { recoverKey } from './lifecycle/recover.ts';
import { restoreKey, restoreWholeKey } from './lifecycle/restore.ts';
import { rotateKey } from './lifecycle/rotate.ts';
import { getRotationPolicy, setRotationPolicy } from './lifecycle/rotation_policy.ts';
import { listSettings, setSetting } from './lifecycle/settings.ts';
import { updateKey } from './lifecycle/update.ts';
import { DECRYPT } from './operations/decrypt.ts';
import { ENCRYPT } from './operations/encrypt.ts';
import { RandomTask } from './operations/random.ts';
import { SIGN } from './operations/sign.ts';
import { UNWRAP_KEY } from './operations/unwrap_key.ts';
import { VERIFY } from './operations/verify.ts';
import { WRAP_KEY } from './operations/wrap_key.ts';
import { attestKey } from './release/attest_key.ts';
import { importWrappedKey } from './release/import_wrapped_key.ts';
import { releaseKey } from './release/release_key.ts';
import { secureUnwrapKey, secureWrapKey } from './release/secure_wrap_key.ts';
import type * as requests from './requests.ts';
import { SealedStore } from './sealed_store.ts';
import { TaskQueue } from './task_queue.ts';
import { TokenGates } from './token_gates.ts';
import { WorkGate } from './work_gate.ts';

export interface EngineStatus {
  readonly closed: boolean;
  /** Operations that run or wait, and of those the ones that wait. */
  readonly admitted: number;
  readonly waiting: number;
  readonly keyVersionsCached: number;
  readonly custody: CustodyStatus;
  readonly pool: PoolStatus;
}

/**
 * Keys and what is done with them, over a pool of HSM hosts and a store. It knows no callers and no roles: whoever holds it may do
 * everything. Inputs are read until their promise has settled, and are not to be written to before.
 *
 * Every operation may fail with `BadParameter`, `KeyNotFound`, `Forbidden`, `Throttled`, `Timeout`, `Aborted`, `ServiceUnavailable`,
 * `NotSupported`, `SelfTestFailed`, `StoreTampered` or `KeyMissing`, and what changes a key with `Conflict` or `OutcomeUnknown` as well.
 */
export class KeyEngine {
  readonly #parts: EngineParts;
  readonly #lifecycle: LifecycleParts;
  readonly #dispatcher: Dispatcher;
  readonly #operations: KeyOperations;
  readonly #house: HouseKeeping;
  readonly #keys: KeyVersions;
  readonly #pool: HsmPool;
  readonly #randomQueue = new TaskQueue();
  #closing: Promise<void> | undefined;

  private constructor(options: KeyEngineOptions) {
    const { pool, store, clock = Date.now } = options;
    const limits = requireLimits(options.limits);
    const records = new SealedStore(pool, store);
    this.#pool = pool;
    this.#keys = new KeyVersions(records, limits.keyVersionsCached);
    this.#dispatcher = new Dispatcher(pool, limits);
    this.#parts = {
      pool,
      custody: new KeyCustody(pool, limits.sessionObjectsPerHost),
      budget: new EncryptionBudget(store, limits.gcmEncryptionsReserved, limits.gcmEncryptionsPerKeyVersion),
      clock,
      operationTimeoutMs: options.operationTimeoutMs ?? LIMITS.operationTimeoutMs,
    };
    this.#operations = new KeyOperations(this.#parts, this.#keys, this.#dispatcher);
    this.#lifecycle = {
      pool,
      store,
      records,
      documents: new SealedDocuments(pool, store, options.epoch),
      keys: this.#keys,
      custody: this.#parts.custody,
      turns: new KeyTurns(),
      epoch: options.epoch,
      limits,
      recovery: requireRecovery(options.recovery),
      clock,
      defaultCustody: options.custody ?? 'wrapped',
      creations: new WorkGate(LIMITS.keyCreations, LIMITS.keyCreationsWaiting),
      tokenChanges: new TokenGates(),
      syncToken: options.syncToken ?? (async () => undefined),
    };
    this.#house = new HouseKeeping(this.#lifecycle);
    store.onKeysChanged((names) => this.#keys.forget(names));
    pool.onTokensChanged(() => this.#keys.forget(undefined));
  }

  /** Settles what an engine over these tokens was in the middle of when it ended. `StoreTampered`, `ServiceUnavailable`. */
  static async open(options: KeyEngineOptions): Promise<KeyEngine> {
    const engine = new KeyEngine(options);
    for (const intent of await openIntents(engine.#lifecycle)) await settleIntent(engine.#lifecycle, intent);
    return engine;
  }

  /** Generates a key in the HSM: a new one, or a new version of one that is there. `Conflict`, `KeyCurveNotSupported`. */
  createKey(request: requests.CreateKeyRequest): Promise<requests.KeyVersion> {
    return this.#viewed((parts) => createKey(parts, request));
  }

  /** Takes a caller's key into the HSM, and zeroises what he gave. `Conflict`, `KeyCurveNotSupported`. */
  importKey(request: requests.ImportKeyRequest): Promise<requests.KeyVersion> {
    return this.#viewed((parts) => importKey(parts, request));
  }

  /** A key that was wrapped elsewhere for a key of this pool: nobody has seen it in between. */
  importWrappedKey(request: requests.ImportWrappedKeyRequest): Promise<requests.KeyVersion> {
    return this.#viewed((parts) => importWrappedKey(parts, request));
  }

  async getKey(key: requests.KeyReference): Promise<requests.KeyVersion> {
    const { record } = this.#keys.find(key) ?? (await this.#held(({ keys }) => keys.load(key)));
    return viewOf(this.#lifecycle.recovery, record);
  }

  updateKey(request: requests.UpdateKeyRequest): Promise<requests.KeyVersion> {
    return this.#viewed((parts) => updateKey(parts, request));
  }

  /** The newest version of each key that is not deleted. */
  async listKeys(request: requests.PageRequest): Promise<requests.Page<requests.KeyVersion>> {
    const { items, next } = await this.#held((parts) => listKeys(parts, request));
    return { items: items.map((record) => viewOf(this.#lifecycle.recovery, record)), next };
  }

  async listKeyVersions(name: string, request: requests.PageRequest): Promise<requests.Page<requests.KeyVersion>> {
    const { items, next } = await this.#held((parts) => listKeyVersions(parts, name, request));
    return { items: items.map((record) => viewOf(this.#lifecycle.recovery, record)), next };
  }

  /** All versions of the key. It can be recovered until it is purged, and its name is not free before. */
  deleteKey(name: string): Promise<requests.DeletedKey> {
    return this.#viewedAsDeleted((parts) => deleteKey(parts, name));
  }

  getDeletedKey(name: string): Promise<requests.DeletedKey> {
    return this.#viewedAsDeleted((parts) => getDeletedKey(parts, name));
  }

  async listDeletedKeys(request: requests.PageRequest): Promise<requests.Page<requests.DeletedKey>> {
    const { items, next } = await this.#held((parts) => listDeletedKeys(parts, request));
    return { items: items.map((found) => viewOfDeleted(this.#lifecycle.recovery, found)), next };
  }

  recoverKey(name: string): Promise<requests.KeyVersion> {
    return this.#viewed((parts) => recoverKey(parts, name));
  }

  /** `Forbidden` under purge protection. */
  purgeKey(name: string): Promise<void> {
    return this.#held((parts) => purgeKey(parts, name));
  }

  /** A new version like the newest one. `BadParameter` (`KeyRotationPolicyNotSet`). */
  rotateKey(name: string): Promise<requests.KeyVersion> {
    return this.#viewed((parts) => rotateKey(parts, name));
  }

  getRotationPolicy(name: string): Promise<RotationPolicy | undefined> {
    return this.#held((parts) => getRotationPolicy(parts, name));
  }

  setRotationPolicy(request: requests.SetRotationPolicyRequest): Promise<RotationPolicy | undefined> {
    return this.#held((parts) => setRotationPolicy(parts, request));
  }

  /** All versions of a key, readable by this pool alone. `NotSupported` for keys in resident custody. */
  backupKey(name: string): Promise<Uint8Array> {
    return this.#held((parts) => backupKey(parts, name));
  }

  /** `Conflict` when there is a key of that name, deleted or not. */
  restoreKey(backup: Uint8Array): Promise<requests.KeyVersion> {
    return this.#viewed((parts) => restoreKey(parts, backup));
  }

  /** A key as a backup of the pool has it, with what each version has encrypted. `Conflict` when there is a key of that name, deleted or not. */
  restoreWholeKey(key: WholeKey): Promise<requests.KeyVersion> {
    return this.#viewed((parts) => restoreWholeKey(parts, key));
  }

  releaseKey(request: requests.ReleaseKeyRequest): Promise<requests.ReleaseKeyResult> {
    return this.#held((parts) => releaseKey(parts, request));
  }

  attestKey(key: requests.KeyReference): Promise<requests.KeyAttestation> {
    return this.#held((parts) => attestKey(parts, key));
  }

  secureWrapKey(request: requests.SecureWrapKeyRequest): Promise<requests.WrapKeyResult> {
    return this.#held((parts) => secureWrapKey(parts, request));
  }

  secureUnwrapKey(request: requests.SecureUnwrapKeyRequest): Promise<requests.WrapKeyResult> {
    return this.#held((parts) => secureUnwrapKey(parts, request));
  }

  listSettings(): Promise<readonly requests.Setting[]> {
    return this.#held((parts) => listSettings(parts));
  }

  /** `NotFound` when there is no setting of that name. */
  setSetting(name: string, value: boolean): Promise<requests.Setting> {
    return this.#held((parts) => setSetting(parts, name, value));
  }

  /** RFC 7518 §3; RSNULL is PKCS#1 v1.5 without a DigestInfo. EC signatures are r ‖ s. */
  sign(request: requests.SignRequest): Promise<requests.SignResult> {
    return this.#operations.perform(SIGN, request);
  }

  /** `valid` is false for every signature that is not one, of whatever length. */
  verify(request: requests.VerifyRequest): Promise<requests.VerifyResult> {
    return this.#operations.perform(VERIFY, request);
  }

  encrypt(request: requests.EncryptRequest): Promise<requests.EncryptResult> {
    return this.#operations.perform(ENCRYPT, request);
  }

  /** `DecryptionFailed` for every ciphertext that does not decrypt, whatever the reason. */
  decrypt(request: requests.DecryptRequest): Promise<requests.DecryptResult> {
    return this.#operations.perform(DECRYPT, request);
  }

  /** Encrypts bytes that the caller gives, as Azure's wrapKey does. */
  wrapKey(request: requests.WrapKeyRequest): Promise<requests.WrapKeyResult> {
    return this.#operations.perform(WRAP_KEY, request);
  }

  /** `DecryptionFailed` for every value that does not unwrap, whatever the reason. */
  unwrapKey(request: requests.UnwrapKeyRequest): Promise<requests.DecryptResult> {
    return this.#operations.perform(UNWRAP_KEY, request);
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
    return this.#operations.batch(items);
  }

  /**
   * One round of what a pool does by itself: keys that are due are rotated, deleted keys purged at their date. Whoever runs the engine sees
   * to it that this is called from time to time. With the signal it ends after the key that it is at.
   */
  keepHouse(signal?: AbortSignal): Promise<HouseKeepingRound> {
    return this.#held(() => this.#house.round(signal));
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

  #held<Result>(work: (parts: LifecycleParts) => Promise<Result>): Promise<Result> {
    return this.#operations.held(() => work(this.#lifecycle));
  }

  async #viewed(work: (parts: LifecycleParts) => Promise<KeyVersionRecord>): Promise<requests.KeyVersion> {
    return viewOf(this.#lifecycle.recovery, await this.#held(work));
  }

  async #viewedAsDeleted(work: (parts: LifecycleParts) => Promise<StoredDeletedKey>): Promise<requests.DeletedKey> {
    return viewOfDeleted(this.#lifecycle.recovery, await this.#held(work));
  }
}
