import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { StrongroomError } from '../model/errors.ts';
import { decodeRow, encodeRow, KEY_VERSION_COLUMNS } from './key_version_row.ts';
import { openForReading } from './sqlite_database.ts';
import type { KeyLimits, SealedKeyVersion, Store } from './store.ts';
import { WriterThread } from './writer_thread.ts';

/** The store of one node: a SQLite database, read here and written to by a thread of its own. */
export class SqliteStore implements Store {
  readonly #writer: WriterThread;
  readonly #reader: DatabaseSync;
  readonly #findNewest: StatementSync;
  readonly #findVersion: StatementSync;
  #closed = false;

  private constructor(writer: WriterThread, reader: DatabaseSync) {
    this.#writer = writer;
    this.#reader = reader;
    const columns = KEY_VERSION_COLUMNS.join(', ');
    this.#findNewest = reader.prepare(
      `SELECT ${columns} FROM key_version WHERE name = ? ORDER BY created DESC, sequence DESC LIMIT 1`,
    );
    this.#findVersion = reader.prepare(`SELECT ${columns} FROM key_version WHERE name = ? AND version = ?`);
  }

  /**
   * Opens the database at `path`, makes it where there is none, and brings its schema up to date.
   * @throws StrongroomError `ServiceUnavailable`, with innerCode `StoreInUse`, `StoreTooNew`, `StoreSchemaChanged`, `SqliteTooOld`
   * or `StoreNotOpened`
   */
  static async open(path: string): Promise<SqliteStore> {
    const writer = await WriterThread.start(path);
    try {
      return new SqliteStore(writer, openForReading(path));
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  async findKeyVersion(name: string, version: string | undefined): Promise<SealedKeyVersion | undefined> {
    if (this.#closed) throw closed();
    const row = this.#read(name, version);
    return row === undefined ? undefined : decodeRow(row);
  }

  async addKeyVersion(sealed: SealedKeyVersion, limits: KeyLimits): Promise<void> {
    await this.#writer.write({ kind: 'addKeyVersion', row: encodeRow(sealed), limits });
  }

  reserveEncryptions(name: string, version: string, count: number, maximum: number): Promise<number> {
    return this.#writer.write({ kind: 'reserveEncryptions', name, version, count, maximum });
  }

  #read(name: string, version: string | undefined): Record<string, unknown> | undefined {
    try {
      return version === undefined ? this.#findNewest.get(name) : this.#findVersion.get(name, version);
    } catch (cause) {
      throw new StrongroomError('ServiceUnavailable', 'The store could not be read.', { cause });
    }
  }

  /** Waits for what was handed in, and lets go of the database. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writer.close();
    this.#reader.close();
  }
}

function closed(): StrongroomError {
  return new StrongroomError('ServiceUnavailable', 'The store is closed.');
}
