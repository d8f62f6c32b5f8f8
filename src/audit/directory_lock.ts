import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StrongroomError } from '../model/errors.ts';

const SQLITE_BUSY = 5;

export interface DirectoryLock {
  /** Another one for every copy of the directory, and the same one for as long as it stays where it is. */
  readonly place: string;
  close(): void;
}

/**
 * Holds a log for this process until it is closed or the process ends, however it ends: two that wrote into one log would break its chain.
 * The lock is that of an empty SQLite database, because the system gives it back by itself and Node has no other that it does.
 * @throws StrongroomError `ServiceUnavailable` (`AuditLogInUse`), or the system's error
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, 'lock');
  makeForOwner(path);
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    const { ino, birthtimeMs } = statSync(path);
    return { place: `${ino}-${Math.round(birthtimeMs)}`, close: () => lock.close() };
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    const message = 'Another process writes to this audit log.';
    throw new StrongroomError('ServiceUnavailable', message, { innerCode: 'AuditLogInUse', cause: error });
  }
}

function makeForOwner(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
