import type { DatabaseSync } from 'node:sqlite';
import { StrongroomError } from '../model/errors.ts';
import { SqliteDocumentChanges } from './sqlite_document_changes.ts';
import { SqliteEpoch } from './sqlite_epoch.ts';
import { SqliteIntents } from './sqlite_intents.ts';
import { SqliteKeyChanges } from './sqlite_key_changes.ts';
import { SqliteReservations } from './sqlite_reservations.ts';
import { SqliteStagedKeys } from './sqlite_staged_keys.ts';
import type { Write, WriteFailure, WriteOutcome } from './sqlite_write.ts';

/** Where no page was changed a commit writes nothing; and a page in which a value is replaced by the same one was not changed. */
const TOUCH = `UPDATE tally SET count = count + 1 WHERE subject = 'keys';
  UPDATE tally SET count = count - 1 WHERE subject = 'keys'`;

/** Changes of the database, many in one transaction: what is waited for is the disk, once for all of them. */
export class SqliteTransaction {
  readonly #database: DatabaseSync;
  readonly #epoch: SqliteEpoch;
  readonly #keys: SqliteKeyChanges;
  readonly #reservations: SqliteReservations;
  readonly #intents: SqliteIntents;
  readonly #documents: SqliteDocumentChanges;
  readonly #staged: SqliteStagedKeys;
  #inDoubt = false;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#epoch = new SqliteEpoch(database);
    this.#intents = new SqliteIntents(database);
    this.#keys = new SqliteKeyChanges(database, this.#intents);
    this.#reservations = new SqliteReservations(database);
    this.#documents = new SqliteDocumentChanges(database);
    this.#staged = new SqliteStagedKeys(database, this.#documents);
  }

  /** Does all changes and waits for the disk once. Each has its own outcome; when it returns, those that went well are durable. */
  commit(writes: readonly Write[]): WriteOutcome[] {
    return this.#commit(writes, false);
  }

  /**
   * True while the log of the database may end with a commit that the disk has not confirmed. Nobody who reads sees it, but who opens the
   * database after a crash would.
   */
  get isInDoubt(): boolean {
    return this.#inDoubt;
  }

  /** Writes over such a commit, if the disk takes it now. */
  settle(): void {
    this.#commit([], true);
  }

  /** `again`: they were written before, and the disk has not confirmed it. */
  #commit(writes: readonly Write[], again: boolean): WriteOutcome[] {
    let isCommitting = false;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const outcomes = writes.map((write) => this.#attempt(write));
      if (this.#inDoubt) this.#database.exec(TOUCH);
      isCommitting = true;
      this.#database.exec('COMMIT');
      this.#inDoubt = false;
      return outcomes;
    } catch (error) {
      this.#rollBack();
      if (isCommitting && !isRefusedWhole(error)) {
        this.#inDoubt = true;
        // The disk may take the second time what it has not the first, and then it is known what is there.
        if (!again) return this.#commit(writes, true);
      }
      if (again) return writes.map(() => ({ ok: false, failure: unconfirmed(error) }));
      // What nobody foresaw may be the doing of one change alone, and is then not for the others to bear.
      if (writes.length > 1) return writes.flatMap((write) => this.commit([write]));
      return writes.map(() => ({ ok: false, failure: unforeseen(error) }));
    }
  }

  #rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  /** A change that is refused leaves nothing behind and does not touch the others. */
  #attempt(write: Write): WriteOutcome {
    this.#database.exec('SAVEPOINT change');
    try {
      const value = this.#perform(write);
      this.#database.exec('RELEASE change');
      return { ok: true, value };
    } catch (error) {
      if (!(error instanceof StrongroomError)) throw error;
      this.#database.exec('ROLLBACK TO change; RELEASE change');
      return { ok: false, failure: { code: error.code, message: error.message, innerCode: error.innerCode } };
    }
  }

  #perform(write: Write): number {
    switch (write.kind) {
      case 'changeKey':
        this.#epoch.require(write.change);
        this.#keys.change(write.change, write.limits);
        return 0;
      case 'reserveEncryptions':
        return this.#reservations.reserve(write);
      case 'addIntent':
        this.#intents.add(write.row);
        return 0;
      case 'endIntent':
        this.#intents.end(write.id);
        return 0;
      case 'changeDocument':
        this.#epoch.require(write.change);
        this.#documents.change(write.change);
        return 0;
      case 'stageKeys':
        this.#staged.stage(write.rows);
        return 0;
      case 'clearStagedKeys':
        this.#staged.clear();
        return 0;
      case 'replaceKeys':
        return this.#staged.replace(write);
      case 'resealDocuments':
        this.#documents.reseal(write.rows);
        this.#documents.change(write.change);
        return 0;
    }
  }
}

const SQLITE_FULL = 13;
const SQLITE_IOERR_WRITE = 778;

/** The codes of sqlite.org/rescode.html. */
function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? (error.errcode as number) : undefined;
}

/** A write that fails comes before the mark that makes a commit of what is in the log; waiting for the disk comes after it. */
function isRefusedWhole(error: unknown): boolean {
  const code = codeOf(error);
  return code === SQLITE_FULL || code === SQLITE_IOERR_WRITE;
}

function unforeseen(error: unknown): WriteFailure {
  const isFull = codeOf(error) === SQLITE_FULL;
  return {
    code: 'ServiceUnavailable',
    message: isFull ? 'The disk of the store is full.' : 'The store could not be written to.',
    innerCode: isFull ? 'StoreFull' : 'StoreNotWritten',
    detail: detailOf(error),
  };
}

function unconfirmed(error: unknown): WriteFailure {
  return {
    code: 'OutcomeUnknown',
    message: 'The disk of the store has not confirmed the change.',
    innerCode: 'StoreNotWritten',
    detail: detailOf(error),
  };
}

function detailOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
