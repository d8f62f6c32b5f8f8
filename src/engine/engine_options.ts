import type { Custody } from '../model/key.ts';
import { LIMITS } from '../model/limits.ts';
import type { RecoverySettings } from '../model/recovery.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import type { Epoch, Store } from '../store/store.ts';

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
  /** What becomes of deleted keys: recoverable for 90 days, and to be purged before, unless named. */
  readonly recovery?: RecoverySettings | undefined;
  readonly operationTimeoutMs?: number | undefined;
  readonly limits?: Partial<EngineLimits> | undefined;
  /** What changes of this engine are of: refused with `Conflict` (`RestoreInProgress`) once a restore has replaced everything. Any, unless named. */
  readonly epoch?: Epoch | undefined;
  /** Unix milliseconds; `Date.now` unless named. */
  readonly clock?: (() => number) | undefined;
  /** Brings new objects of the token of this serial number to disk, where it does not do so itself. Called before a resident key is put on record. */
  readonly syncToken?: ((serial: string) => Promise<void>) | undefined;
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

/** With the house's own for what is not set. @throws TypeError */
export function requireLimits(wanted: Partial<EngineLimits> | undefined): EngineLimits {
  const limits = { ...HOUSE_LIMITS, ...wanted };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new TypeError(`Expected an integer of at least 1 for limits.${name}, received ${String(value)}.`);
    }
  }
  return limits;
}

/** @throws TypeError */
export function requireRecovery(wanted: RecoverySettings | undefined): RecoverySettings {
  const recovery = wanted ?? { retentionDays: LIMITS.retentionDays, purgeProtection: false };
  const { retentionDays } = recovery;
  const { retentionDaysLeast: least, retentionDays: most } = LIMITS;
  if (!Number.isInteger(retentionDays) || retentionDays < least || retentionDays > most) {
    throw new TypeError(`Expected an integer from ${least} to ${most} for retentionDays, received ${retentionDays}.`);
  }
  return recovery;
}
