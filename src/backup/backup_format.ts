import { StrongroomError } from '../model/errors.ts';

/*
 * A backup is a folder (docs/backup.md): chunks of entries, and a manifest that is written last and says what belongs to it. What is in
 * clear says how the rest is read, and nothing of what is in it.
 */

export const FORMAT = 'StrongroomBackup';
export const FORMAT_VERSION = 1;
export const MANIFEST = 'manifest.json';

/** Where the chunk of this number is, the first one being 1. */
export function chunkName(number: number): string {
  return `chunk-${String(number).padStart(6, '0')}`;
}

/** What of the manifest anybody can read. */
export interface ManifestHeader {
  readonly format: typeof FORMAT;
  readonly version: typeof FORMAT_VERSION;
  /** The same for all pools of one security domain, and for no others. */
  readonly domain: string;
  /** 32 bytes that no other backup has, base64url. */
  readonly salt: string;
}

/** What of it only the pools of the security domain can. */
export interface ManifestBody {
  readonly hsmName: string;
  /** Unix seconds. */
  readonly started: number;
  readonly keys: number;
  readonly versions: number;
  readonly documents: number;
  readonly chunks: readonly ChunkDescription[];
}

export interface ChunkDescription {
  readonly bytes: number;
  /** Names of the first and the last key in it; absent where it has none. Keys are in the order of the bytes of their names. */
  readonly firstKey?: string | undefined;
  readonly lastKey?: string | undefined;
}

/** `what` says which part of it, in words for the caller. */
export function backupDamaged(what: string, cause?: unknown): StrongroomError {
  return new StrongroomError('BadParameter', `The backup is damaged: ${what}.`, { innerCode: 'BackupDamaged', cause });
}

export function backupNotFound(): StrongroomError {
  return new StrongroomError('NotFound', 'There is no complete backup in this folder.', {
    innerCode: 'BackupNotFound',
  });
}

export function otherDomain(): StrongroomError {
  return new StrongroomError(
    'BadParameter',
    'The backup was made under another security domain than that of this HSM, and cannot be read here.',
    { innerCode: 'BackupOfOtherDomain' },
  );
}
