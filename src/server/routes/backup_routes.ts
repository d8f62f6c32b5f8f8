import { checkBackup } from '../handlers/check_backup.ts';
import { checkRestore } from '../handlers/check_restore.ts';
import { getBackupStatus } from '../handlers/get_backup_status.ts';
import { getRestoreStatus } from '../handlers/get_restore_status.ts';
import { startBackup } from '../handlers/start_backup.ts';
import { startKeyRestore } from '../handlers/start_key_restore.ts';
import { startRestore } from '../handlers/start_restore.ts';
import { type Route, route } from '../route.ts';
import { BACKUP, BACKUP_CHECK, KEY_RESTORE_FROM_BACKUP, RESTORE, RESTORE_CHECK } from '../wire/pool_backup.ts';

/** Backup and restore of the pool (Azure API §1.20). */
export const BACKUP_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    paths: ['/backup'],
    operation: 'startBackup',
    dataAction: 'Microsoft.KeyVault/managedHsm/backup/start/action',
    scope: 'pool',
    body: BACKUP,
    status: 202,
    handler: startBackup,
  }),
  route({
    method: 'POST',
    paths: ['/prebackup'],
    operation: 'checkBackup',
    dataAction: 'Microsoft.KeyVault/managedHsm/backup/start/action',
    scope: 'pool',
    body: BACKUP_CHECK,
    status: 202,
    handler: checkBackup,
  }),
  route({
    method: 'GET',
    paths: ['/backup/:jobId/pending'],
    operation: 'getBackupStatus',
    dataAction: 'Microsoft.KeyVault/managedHsm/backup/status/action',
    scope: 'pool',
    body: undefined,
    isPolled: true,
    handler: getBackupStatus,
  }),
  route({
    method: 'PUT',
    paths: ['/restore'],
    operation: 'startRestore',
    dataAction: 'Microsoft.KeyVault/managedHsm/restore/start/action',
    scope: 'pool',
    body: RESTORE,
    status: 202,
    handler: startRestore,
  }),
  route({
    method: 'PUT',
    paths: ['/prerestore'],
    operation: 'checkRestore',
    dataAction: 'Microsoft.KeyVault/managedHsm/restore/start/action',
    scope: 'pool',
    body: RESTORE_CHECK,
    status: 202,
    handler: checkRestore,
  }),
  route({
    method: 'GET',
    paths: ['/restore/:jobId/pending'],
    operation: 'getRestoreStatus',
    dataAction: 'Microsoft.KeyVault/managedHsm/restore/status/action',
    scope: 'pool',
    body: undefined,
    isPolled: true,
    isDuringRestore: true,
    handler: getRestoreStatus,
  }),
  route({
    method: 'PUT',
    paths: ['/keys/:name/restore'],
    operation: 'startKeyRestore',
    dataAction: 'Microsoft.KeyVault/managedHsm/restore/start/action',
    scope: 'pool',
    body: KEY_RESTORE_FROM_BACKUP,
    status: 202,
    handler: startKeyRestore,
  }),
];
