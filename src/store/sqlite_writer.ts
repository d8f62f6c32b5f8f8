/*
 * The thread that writes to the SQLite store. It waits for the disk, so that the event loop need not; while it waits, what comes in
 * gathers for its next transaction.
 */
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { StrongroomError } from '../model/errors.ts';
import { readMigrations } from './migration.ts';
import { lockStore, openForWriting } from './sqlite_database.ts';
import { migrateSqlite } from './sqlite_migration.ts';
import { SqliteTransaction } from './sqlite_transaction.ts';
import type { WriteFailure, WriterCommand, WriterReply } from './sqlite_write.ts';

if (parentPort === null) throw new TypeError('The writer of the store is a thread of its own.');
const SETTLE_MS = 1_000;
const port = parentPort;
const { path } = workerData as { readonly path: string };
const reply = (message: WriterReply): void => port.postMessage(message);

let lock: DatabaseSync | undefined;
let database: DatabaseSync | undefined;
let settling: NodeJS.Timeout | undefined;

function close(): void {
  clearTimeout(settling);
  database?.close();
  lock?.close();
  port.close();
}

/** Until the disk takes something again, a crash could bring back what callers have not found. */
function settle(transaction: SqliteTransaction): void {
  clearTimeout(settling);
  transaction.settle();
  if (transaction.isInDoubt) settling = setTimeout(() => settle(transaction), SETTLE_MS).unref();
}

function failureOf(error: unknown): WriteFailure {
  if (error instanceof StrongroomError) return { code: error.code, message: error.message, innerCode: error.innerCode };
  return {
    code: 'ServiceUnavailable',
    message: 'The store could not be opened.',
    innerCode: 'StoreNotOpened',
    detail: error instanceof Error ? error.message : String(error),
  };
}

try {
  lock = lockStore(path);
  database = openForWriting(path);
  migrateSqlite(database, readMigrations(new URL('./migrations/sqlite/', import.meta.url)));
  const transaction = new SqliteTransaction(database);
  port.on('message', (command: WriterCommand) => {
    if (command !== 'close') reply({ outcomes: transaction.commit(command.writes) });
    if (transaction.isInDoubt) settle(transaction);
    if (command === 'close') close();
  });
  reply({ opened: true });
} catch (error) {
  reply({ opened: false, failure: failureOf(error) });
  close();
}
