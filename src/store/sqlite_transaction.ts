import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { StrongroomError } from '../model/errors.ts';
import { KEY_VERSION_COLUMNS, type KeyVersionRow } from './key_version_row.ts';
import type { Write, WriteFailure, WriteOutcome } from './sqlite_write.ts';
import type { KeyLimits } from './store.ts';

const UNAVAILABLE = 'The store could not be written to.';

/** Changes of the database, many in one transaction: what is waited for is the disk, once for all of them. */
export class SqliteTransaction {
  readonly #database: DatabaseSync;
  readonly #findVersion: StatementSync;
  readonly #addKey: StatementSync;
  readonly #countKey: StatementSync;
  readonly #countVersion: StatementSync;
  readonly #addVersion: StatementSync;
  readonly #findReserved: StatementSync;
  readonly #setReserved: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#findVersion = database.prepare('SELECT 1 FROM key_version WHERE name = ? AND version = ?');
    this.#addKey = database.prepare('INSERT INTO key (name, versions) VALUES (?, 0) ON CONFLICT DO NOTHING');
    this.#countKey = database.prepare("UPDATE tally SET count = count + 1 WHERE subject = 'keys' AND count < ?");
    this.#countVersion = database.prepare('UPDATE key SET versions = versions + 1 WHERE name = ? AND versions < ?');
    const columns = KEY_VERSION_COLUMNS.join(', ');
    const places = KEY_VERSION_COLUMNS.map((column) => `:${column}`).join(', ');
    this.#addVersion = database.prepare(`INSERT INTO key_version (${columns}) VALUES (${places})`);
    this.#findReserved = database.prepare('SELECT reserved FROM encryption_count WHERE name = ? AND version = ?');
    this.#setReserved = database.prepare(
      `INSERT INTO encryption_count (name, version, reserved) VALUES (:name, :version, :reserved)
       ON CONFLICT (name, version) DO UPDATE SET reserved = excluded.reserved`,
    );
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
    if (write.kind === 'reserveEncryptions') return this.#reserve(write);
    this.#addKeyVersion(write.row, write.limits);
    return 0;
  }

  #addKeyVersion(row: KeyVersionRow, limits: KeyLimits): void {
    const { name, version } = row;
    if (this.#findVersion.get(name, version) !== undefined) {
      throw new StrongroomError('Conflict', `The key ${name} has a version ${version} already.`);
    }
    const isNew = this.#addKey.run(name).changes !== 0;
    if (isNew && this.#countKey.run(limits.keys).changes === 0) {
      throw new StrongroomError('BadParameter', `The HSM pool holds ${limits.keys} keys, and no more fit in.`, {
        innerCode: 'KeyLimitReached',
      });
    }
    if (this.#countVersion.run(name, limits.versionsPerKey).changes === 0) {
      throw new StrongroomError(
        'BadParameter',
        `The key ${name} has ${limits.versionsPerKey} versions, and no more fit in.`,
        {
          innerCode: 'KeyVersionLimitReached',
        },
      );
    }
    this.#addVersion.run({ ...row });
  }

  #reserve({ name, version, count, maximum }: Extract<Write, { kind: 'reserveEncryptions' }>): number {
    if (this.#findVersion.get(name, version) === undefined) {
      throw new StrongroomError(
        'KeyNotFound',
        `A key with (name/id) ${name}/${version} was not found in this HSM pool.`,
      );
    }
    const before = Number(this.#findReserved.get(name, version)?.reserved ?? 0);
    if (before + count > maximum) {
      throw new StrongroomError(
        'Forbidden',
        'This key version has encrypted as often as it may with random initialisation vectors: rotate the key.',
        { innerCode: 'EncryptionLimitReached' },
      );
    }
    this.#setReserved.run({ name, version, reserved: before + count });
    return before;
  }
}

function unforeseen(error: unknown): WriteFailure {
  return {
    code: 'ServiceUnavailable',
    message: UNAVAILABLE,
    detail: error instanceof Error ? error.message : String(error),
  };
}
