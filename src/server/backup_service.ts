import type { BackupService as Backups } from '../backup/backup_service.ts';

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
