import type { BackupService as Backups } from '../backup/backup_service.ts';
import type { PoolEpoch } from '../backup/pool_epoch.ts';

/** What the server needs of whoever backs the pool up and restores it. */
export type BackupService = Pick<
  Backups,
  | 'isRestoring'
  | 'startBackup'
  | 'checkBackup'
  | 'startRestore'
  | 'checkRestore'
  | 'startKeyRestore'
  | 'backup'
  | 'restore'
>;

/** … and of what lets changes of the pool in. */
export type EpochService = Pick<PoolEpoch, 'current' | 'through'>;
