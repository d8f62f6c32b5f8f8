import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { StrongroomError } from '../model/errors.ts';
import { DOCUMENT_COLUMNS } from './document_row.ts';
import { FOUND_COLUMNS } from './found_row.ts';
import { INTENT_COLUMNS } from './intent_row.ts';
import { KEY_VERSION_COLUMNS } from './key_version_row.ts';
import type { RawRow } from './row_reader.ts';
import type { ListQuery } from './store.ts';
import { storeTampered } from './store_refusal.ts';
import { wholeKeysQuestion } from './whole_key_rows.ts';

/** A key with its newest version. */
const NEWEST = `SELECT ${FOUND_COLUMNS} FROM key
  LEFT JOIN key_version ON key_version.name = key.name AND key_version.version = key.newest`;
/** Lower than every name and every version. */
const BEFORE_ALL = '';

/** Everything that is asked of the database; each question is one statement and so of one moment. */
export class SqliteReader {
  readonly #database: DatabaseSync;
  readonly #newest: StatementSync;
  readonly #named: StatementSync;
  readonly #lists: Readonly<Record<'active' | 'deleted', StatementSync>>;
  readonly #versions: StatementSync;
  readonly #wholeKeys: StatementSync;
  readonly #due: StatementSync;
  readonly #intents: StatementSync;
  readonly #document: StatementSync;
  readonly #allDocuments: StatementSync;
  readonly #documents: StatementSync;
  readonly #replacements: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const list = (condition: string): StatementSync =>
      database.prepare(`${NEWEST} WHERE key.deleted ${condition} AND key.name > ? ORDER BY key.name LIMIT ?`);
    this.#newest = database.prepare(`${NEWEST} WHERE key.name = ?`);
    this.#named = database.prepare(
      `SELECT ${FOUND_COLUMNS} FROM key
       LEFT JOIN key_version ON key_version.name = key.name AND key_version.version = ?2 WHERE key.name = ?1`,
    );
    this.#lists = { active: list('IS NULL'), deleted: list('IS NOT NULL') };
    this.#versions = database.prepare(
      `SELECT ${KEY_VERSION_COLUMNS.join(', ')} FROM key_version WHERE name = ? AND version > ? ORDER BY version LIMIT ?`,
    );
    this.#wholeKeys = database.prepare(wholeKeysQuestion('?1', '?2'));
    this.#due = database.prepare(
      `SELECT name FROM (
         SELECT * FROM (SELECT name, rotation_due AS due FROM key
           WHERE deleted IS NULL AND rotation_due IS NOT NULL AND rotation_due <= ?1 ORDER BY rotation_due, name LIMIT ?2)
         UNION ALL
         SELECT * FROM (SELECT name, scheduled_purge AS due FROM key
           WHERE deleted IS NOT NULL AND scheduled_purge <= ?1 ORDER BY scheduled_purge, name LIMIT ?2)
       ) ORDER BY due, name LIMIT ?2`,
    );
    this.#intents = database.prepare(
      `SELECT ${INTENT_COLUMNS.join(', ')} FROM intent WHERE token = ? ORDER BY created, id`,
    );
    const allDocuments = `SELECT ${DOCUMENT_COLUMNS.join(', ')} FROM document`;
    const documents = `${allDocuments} WHERE collection = ?`;
    this.#allDocuments = database.prepare(allDocuments);
    this.#document = database.prepare(`${documents} AND id = ?`);
    this.#documents = database.prepare(`${documents} ORDER BY id`);
    this.#replacements = database.prepare('SELECT count FROM replacements');
  }

  keyVersion(name: string, version: string | undefined): RawRow | undefined {
    return version === undefined ? one(this.#newest, name) : one(this.#named, name, version);
  }

  keys(kind: 'active' | 'deleted', { after, limit }: ListQuery): readonly RawRow[] {
    return all(this.#lists[kind], after ?? BEFORE_ALL, limit);
  }

  versions(name: string, { after, limit }: ListQuery): readonly RawRow[] {
    return all(this.#versions, name, after ?? BEFORE_ALL, limit);
  }

  wholeKeys({ after, limit }: ListQuery): readonly RawRow[] {
    return all(this.#wholeKeys, after ?? BEFORE_ALL, limit);
  }

  due(now: number, limit: number): readonly RawRow[] {
    return all(this.#due, now, limit);
  }

  intents(token: string): readonly RawRow[] {
    return all(this.#intents, token);
  }

  document(collection: string, id: string): RawRow | undefined {
    return one(this.#document, collection, id);
  }

  documents(collection: string): readonly RawRow[] {
    return all(this.#documents, collection);
  }

  allDocuments(): readonly RawRow[] {
    return all(this.#allDocuments);
  }

  replacements(): RawRow | undefined {
    return one(this.#replacements);
  }

  close(): void {
    this.#database.close();
  }
}

function one(statement: StatementSync, ...values: SQLInputValue[]): RawRow | undefined {
  return read(() => statement.get(...values));
}

function all(statement: StatementSync, ...values: SQLInputValue[]): readonly RawRow[] {
  return read(() => statement.all(...values));
}

function read<Result>(ask: () => Result): Result {
  try {
    return ask();
  } catch (cause) {
    if (isIntegerTooLarge(cause)) {
      throw storeTampered(cause);
    }
    throw new StrongroomError('ServiceUnavailable', 'The store could not be read.', { cause });
  }
}

/** No record has an integer that a number of JavaScript cannot hold. */
function isIntegerTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_OUT_OF_RANGE';
}
