import type { FollowedLog } from './audit_line.ts';
import type { LedgerTail } from './ledger_tail.ts';
import type { SignedHead } from './tree_head.ts';

/** Whole lines, one after the other. */
export interface LineBatch {
  /** Each line with its line feed. */
  readonly text: string;
  /** Numbers of the first line and of the last. */
  readonly first: number;
  readonly last: number;
  /** A new file begins with it. */
  readonly startsFile: boolean;
}

/** Where a log is, and what of it was there. */
export interface LedgerOrigin {
  /** Tells this ledger from a copy of it. */
  readonly place: string;
  /** Absent when there is none to go on with. */
  readonly tail: LedgerTail | undefined;
  /** A log that was found here, is not gone on with, and has been put aside. */
  readonly follows: FollowedLog | undefined;
}

/** Where the log is. What it has not taken has not happened, as far as callers are told. */
export interface Ledger {
  readonly origin: LedgerOrigin;
  /**
   * Resolves when the lines are kept as well as was asked for. After a rejection the same batch comes again, and has to end up there
   * once.
   */
  append(batch: LineBatch): Promise<void>;
  close(): Promise<void>;
}

/** Where the lines go too, once the ledger has them. It does its best, and holds up nobody. */
export interface LineCopy {
  offer(batch: LineBatch): void;
  close(): Promise<void>;
}

/** Where signed heads go, so that somebody has them who cannot change the log. */
export interface HeadCopy {
  keep(head: SignedHead): Promise<void>;
}

/** Something went wrong that does not end the log; for whoever watches the server. */
export type OnTrouble = (what: string, error: unknown) => void;
