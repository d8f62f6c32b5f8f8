import { type ErrorCode, StrongroomError } from '../model/errors.ts';

/** What a job does; checks change nothing. */
export type JobKind = 'backup' | 'backupCheck' | 'restore' | 'restoreCheck' | 'keyRestore';

export type JobState = 'InProgress' | 'Succeeded' | 'Failed';

export interface JobError {
  readonly code: ErrorCode;
  readonly innerCode: string | undefined;
  readonly message: string;
}

/** A backup or a restore, as its status tells (Azure API §1.20). */
export interface Job {
  /** 32 hex digits. */
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  /** How far it has come, or what it has done, for people. */
  readonly details: string;
  /** Why it has failed. */
  readonly error: JobError | undefined;
  /** Unix seconds. */
  readonly started: number;
  readonly ended: number | undefined;
  /** The one key that it is about. */
  readonly keyName: string | undefined;
  /** The folder that a backup was written to. */
  readonly folderUri: string | undefined;
}

/** As it is stored. */
export interface StoredJob extends Omit<Job, 'id'> {
  /** The server that does it. */
  readonly server: string;
  /** Unix milliseconds; when it has said nothing until then, it is not done any more. */
  readonly leaseEnds: number;
}

/** What operations are called in a refusal, and in what they say of themselves. */
export const JOB_WORDS: Readonly<Record<JobKind, string>> = {
  backup: 'Full backup',
  backupCheck: 'Check of a full backup',
  restore: 'Full restore',
  restoreCheck: 'Check of a full restore',
  keyRestore: 'Selective key restore',
};

/** Azure's words for its caller, as clients know them (Azure API §1.5). */
export function jobInProgress(kind: JobKind): StrongroomError {
  const isBackup = kind === 'backup' || kind === 'backupCheck';
  const message = `User triggered ${isBackup ? 'Backup' : 'Restore'} operation is in progress. Retry after the operation completes.`;
  return new StrongroomError('Conflict', message, { innerCode: isBackup ? 'BackupInProgress' : 'RestoreInProgress' });
}

export function jobNotFound(): StrongroomError {
  return new StrongroomError('NotFound', 'The given jobId is not found');
}

/** What is told of something that ended a job: what nobody foresaw is told to nobody but the log. */
export function jobErrorOf(thrown: unknown): JobError {
  if (thrown instanceof StrongroomError) {
    return { code: thrown.code, innerCode: thrown.innerCode, message: thrown.message };
  }
  return { code: 'InternalError', innerCode: undefined, message: 'The operation could not be completed.' };
}
