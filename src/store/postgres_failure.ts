import { DatabaseError } from 'pg';
import { StrongroomError } from '../model/errors.ts';

/** SQLSTATEs of transactions that stood in each other's way: all of it was undone, and may be done again. */
const TRY_AGAIN: ReadonlySet<string> = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available, in the time that a statement may wait for it
  '25006', // read_only_sql_transaction: it is no primary any more, and the next connection may lead to the one that is
  // Somebody else brought in the same row or table at the same moment: the next attempt sees it.
  '23505', // unique_violation
  '42710', // duplicate_object
  '42P07', // duplicate_table
]);

/** Connection exceptions, a server that goes down, only stands by or has ended a session, and CockroachDB's word for a commit that it knows nothing of. */
const GONE = /^(?:08...|57P0[1-5]|25006|25P03|40003)$/;

/** That a host is not, or not any more, the one that changes go to. One that is may be found soon. */
export class NotPrimary extends Error {}

/** That connections to a host were ended because changes go elsewhere now. Nothing of what was asked has come about. */
export class StoreMoved extends Error {
  constructor(cause?: unknown) {
    super('another host of the database has become its primary', { cause });
  }
}

export function mayBeTriedAgain(error: unknown): boolean {
  if (error instanceof NotPrimary || error instanceof StoreMoved) return true;
  return error instanceof DatabaseError && TRY_AGAIN.has(error.code ?? '');
}

/** True when nobody knows what became of the last statement: whatever is not an answer of the database is the loss of its connection. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof StrongroomError) return false;
  return !(error instanceof DatabaseError) || error.severity === 'FATAL' || GONE.test(error.code ?? '');
}

/** The outcome of something that did not change anything. */
export function unavailable(error: unknown): StrongroomError {
  if (error instanceof StrongroomError) return error;
  return new StrongroomError('ServiceUnavailable', 'The store cannot be reached or did not answer in time.', {
    cause: reason(error),
  });
}

/** The outcome of a change that may or may not have come about. */
export function outcomeUnknown(error: unknown): StrongroomError {
  return new StrongroomError('OutcomeUnknown', 'The connection to the store was lost while it confirmed the change.', {
    cause: reason(error),
  });
}

/** For the log: what happened, without the rows that a database puts into the details of its errors. */
function reason(error: unknown): Error {
  if (error instanceof DatabaseError) return new Error(`PostgreSQL ${error.code ?? ''}: ${error.message}`);
  if (!(error instanceof Error)) return new Error(String(error));
  const { code } = error as NodeJS.ErrnoException;
  return new Error(`${code === undefined ? '' : `${code}: `}${error.message}`);
}
