import type { ErrorCode } from '../model/errors.ts';
import type { DocumentChangeRow } from './document_change_row.ts';
import type { DocumentRow } from './document_row.ts';
import type { IntentRow } from './intent_row.ts';
import type { KeyChangeRows } from './key_change_rows.ts';
import type { KeyLimits } from './store.ts';
import type { StagedRows } from './whole_key_rows.ts';

/*
 * What passes between the store and its writer's thread. Everything in it can be cloned.
 */

/** One change, done whole or not at all. */
export type Write =
  | { readonly kind: 'changeKey'; readonly change: KeyChangeRows; readonly limits: KeyLimits }
  | ReserveEncryptions
  | { readonly kind: 'addIntent'; readonly row: IntentRow }
  | { readonly kind: 'endIntent'; readonly id: string }
  | { readonly kind: 'changeDocument'; readonly change: DocumentChangeRow }
  | { readonly kind: 'resealDocuments'; readonly rows: readonly DocumentRow[]; readonly change: DocumentChangeRow }
  | { readonly kind: 'stageKeys'; readonly rows: StagedRows }
  | { readonly kind: 'clearStagedKeys' }
  | ReplaceKeys;

export interface ReplaceKeys {
  readonly kind: 'replaceKeys';
  readonly job: string;
  readonly keys: number;
  readonly versions: number;
  readonly documents: readonly DocumentChangeRow[];
}

export interface ReserveEncryptions {
  readonly kind: 'reserveEncryptions';
  readonly name: string;
  readonly version: string;
  readonly count: number;
  readonly maximum: number;
}

export interface WriteFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly innerCode?: string | undefined;
  /** For the log. */
  readonly detail?: string | undefined;
}

/** The value is the number that the change answers, 0 where it answers none. */
export type WriteOutcome =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly failure: WriteFailure };

/** To the writer: changes for one transaction, or the wish that it end. */
export type WriterCommand = { readonly writes: readonly Write[] } | 'close';

/** From the writer: once whether it has the database, then the outcomes of each command's changes, in their order. */
export type WriterReply =
  | { readonly opened: true }
  | { readonly opened: false; readonly failure: WriteFailure }
  | { readonly outcomes: readonly WriteOutcome[] };
