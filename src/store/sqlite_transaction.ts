import type { DatabaseSync } from 'node:sqlite';
import { StrongroomError } from '../model/errors.ts';
import { SqliteDocumentChanges } from './sqlite_document_changes.ts';
import { SqliteEpoch } from './sqlite_epoch.ts';
import { SqliteIntents } from './sqlite_intents.ts';
import { SqliteKeyChanges } from './sqlite_key_changes.ts';
import { SqliteReservations } from './sqlite_reservations.ts';
import { SqliteStagedKeys } from './sqlite_staged_keys.ts';
import type { Write, WriteFailure, WriteOutcome } from './sqlite_write.ts';

/** Changes of the database, many in one transaction: what is waited for is the disk, once for all of them. */
export class SqliteTransaction {
  readonly #database: DatabaseSync;
  readonly #epoch: SqliteEpoch;
  readonly #keys: SqliteKeyChanges;
  readonly #reservations: SqliteReservations;
  readonly #intents: SqliteIntents;
  readonly #documents: SqliteDocumentChanges;
  readonly #staged: SqliteStagedKeys;

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
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const outcomes = writes.map((write) => this.#attempt(write));
      this.#database.exec('COMMIT');
      return outcomes;
    } catch (error) {
      this.#rollBack();
      // What nobody foresaw may be the doing of one change alone, and is then not for the others to bear.
      if (writes.length > 1) return writes.flatMap((write) => this.commit([write]));
      return [{ ok: false, failure: unforeseen(error) }];
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

function unforeseen(error: unknown): WriteFailure {
  return {
    code: 'ServiceUnavailable',
    message: 'The store could not be written to.',
    detail: error instanceof Error ? error.message : String(error),
  };
}
