import { StrongroomError } from '../model/errors.ts';

/** Where the parts of backups are kept: each whole under a path of its own. Every method may fail with what `storageRefusal` makes. */
export interface BackupContainer {
  /** What names it to callers, as they name it; nothing secret. */
  readonly uri: string;
  /** Refuses (`StorageTaken`) what somebody else has put there already. */
  write(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Undefined where there is nothing of that path. */
  read(path: string, mostBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Refuses where it could not be written to, and leaves nothing there. */
  check(signal: AbortSignal): Promise<void>;
}

/** Why a container does not do what it should. */
const REFUSALS = {
  StorageAccessDenied: { code: 'Forbidden', message: 'The storage refuses the SAS token, or it gives too few rights' },
  StorageNotFound: { code: 'NotFound', message: 'The storage has no such container' },
  StorageTaken: { code: 'Conflict', message: 'The storage has something of this name already' },
  StorageRefused: { code: 'Conflict', message: 'The storage refuses the request' },
  StorageFull: { code: 'ServiceUnavailable', message: 'The storage is full' },
  StorageUnavailable: { code: 'ServiceUnavailable', message: 'The storage cannot be used now' },
} as const;
type StorageRefusal = keyof typeof REFUSALS;

/** `detail` is for the caller: a word of the storage's own. */
export function storageRefusal(reason: StorageRefusal, detail?: string, cause?: unknown): StrongroomError {
  const { code, message } = REFUSALS[reason];
  const text = detail === undefined ? `${message}.` : `${message} (${detail}).`;
  return new StrongroomError(code, text, { innerCode: reason, cause });
}
