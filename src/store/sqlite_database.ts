import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StrongroomError } from '../model/errors.ts';

/** Before it, a database in WAL mode could be damaged when two connections wrote and checkpointed (sqlite.org/wal.html#walresetbug). */
const OLDEST_VERSION = [3, 51, 3] as const;
const BUSY_TIMEOUT_MS = 5_000;

const HARDENED = {
  allowExtension: false,
  defensive: true,
  enableForeignKeyConstraints: true,
  timeout: BUSY_TIMEOUT_MS,
};

/** The one connection that writes. What it has committed is on disk (WAL, synchronous FULL). */
export function openForWriting(path: string): DatabaseSync {
  makeForOwner(path);
  const database = new DatabaseSync(path, HARDENED);
  try {
    requireSqliteVersion(String(database.prepare('SELECT sqlite_version() AS version').get()?.version));
    const mode = database.prepare('PRAGMA journal_mode = WAL').get();
    if (mode?.journal_mode !== 'wal') throw new Error(`SQLite keeps the journal mode ${String(mode?.journal_mode)}`);
    database.exec('PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF');
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** A connection that reads what the writer has committed. Only while the writer has the database open. */
export function openForReading(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { ...HARDENED, readOnly: true });
  database.exec('PRAGMA trusted_schema = OFF');
  return database;
}

/**
 * Holds the store for this process until it is closed or the process ends, however it ends: an exclusive lock on an empty database
 * beside it, which the operating system gives back. A lock on the store itself would shut out our own readers.
 * @throws StrongroomError `ServiceUnavailable` (`StoreInUse`)
 */
export function lockStore(path: string): DatabaseSync {
  const lockPath = `${path}.lock`;
  makeForOwner(lockPath);
  const lock = new DatabaseSync(lockPath, { ...HARDENED, timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    throw new StrongroomError('ServiceUnavailable', 'Another process has the store open.', {
      innerCode: 'StoreInUse',
      cause: error,
    });
  }
  return lock;
}

/**
 * Made by us and not by SQLite, because a new file is for its owner alone; the files beside it take its mode. One that is there is not
 * opened: to close it again would give up every lock that this process holds on it (POSIX fcntl).
 */
function makeForOwner(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

/** @throws StrongroomError `ServiceUnavailable` (`SqliteTooOld`) */
export function requireSqliteVersion(version: string): void {
  const numbers = version.split('.').map(Number);
  for (const [index, oldest] of OLDEST_VERSION.entries()) {
    const number = numbers[index] ?? 0;
    if (number > oldest) return;
    if (number < oldest) {
      throw new StrongroomError(
        'ServiceUnavailable',
        `SQLite ${OLDEST_VERSION.join('.')} or later is needed, and this is ${version}: a newer Node.js brings it.`,
        { innerCode: 'SqliteTooOld' },
      );
    }
  }
}
