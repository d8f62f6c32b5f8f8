import type { Custody } from '../model/key.ts';
import type { RecoverySettings } from '../model/recovery.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';
import type { Epoch, KeyLimits, Store } from '../store/store.ts';
import type { EncryptionBudget } from './encryption_budget.ts';
import type { KeyCustody } from './key_custody.ts';
import type { KeyTurns } from './key_turns.ts';
import type { KeyVersions } from './key_versions.ts';
import type { SealedStore } from './sealed_store.ts';
import type { TokenGates } from './token_gates.ts';
import type { WorkGate } from './work_gate.ts';

/** What operations work with. */
export interface EngineParts {
  readonly pool: HsmPool;
  readonly custody: KeyCustody;
  readonly budget: EncryptionBudget;
  /** Unix milliseconds. */
  readonly clock: () => number;
  readonly operationTimeoutMs: number;
}

/** What the life of keys is led with. */
export interface LifecycleParts {
  readonly pool: HsmPool;
  /** For what is written; what is read comes through `records`. */
  readonly store: Store;
  readonly records: SealedStore;
  readonly documents: SealedDocuments;
  readonly keys: KeyVersions;
  readonly custody: KeyCustody;
  readonly turns: KeyTurns;
  readonly epoch: Epoch | undefined;
  readonly limits: KeyLimits;
  readonly recovery: RecoverySettings;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** Where a key is kept whose maker does not say. */
  readonly defaultCustody: Custody;
  /** Bounds the keys that are made at once. */
  readonly creations: WorkGate;
  /** Objects of the token are made one after the other where the device needs that. */
  readonly tokenChanges: TokenGates;
  /** Brings to disk what a token has taken in and not brought there itself. */
  readonly syncToken: (serial: string) => Promise<void>;
}

/** In unix seconds. */
export function secondsOf({ clock }: Pick<LifecycleParts, 'clock'>): number {
  return Math.floor(clock() / 1000);
}
