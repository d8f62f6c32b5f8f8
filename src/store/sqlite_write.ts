import type { ErrorCode } from '../model/errors.ts';
import type { KeyVersionRow } from './key_version_row.ts';
import type { KeyLimits } from './store.ts';

/*
 * What passes between the store and its writer's thread. Everything in it can be cloned.
 */

/** One change, done whole or not at all. */
export type Write =
  | { readonly kind: 'addKeyVersion'; readonly row: KeyVersionRow; readonly limits: KeyLimits }
  | {
      readonly kind: 'reserveEncryptions';
      readonly name: string;
      readonly version: string;
      readonly count: number;
      readonly maximum: number;
    };

export interface WriteFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly innerCode?: string | undefined;
  /** For the log. */
  readonly detail?: string | undefined;
}

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
