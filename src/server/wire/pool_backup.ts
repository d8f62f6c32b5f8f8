import { type Static, Type } from 'typebox';
import type { BackupPlace } from '../../backup/backup_service.ts';
import type { Job } from '../../backup/job.ts';
import type { StorageLocation } from '../../backup/storage_location.ts';
import { StrongroomError } from '../../model/errors.ts';
import { Shape } from './shape.ts';

/** SASTokenParameter (Azure API §1.20), some of whose members clients send as null. */
const LOCATION_MEMBERS = {
  token: Type.Optional(Type.Union([Type.String(), Type.Null()], { expected: 'a SAS token' })),
  useManagedIdentity: Type.Optional(Type.Union([Type.Boolean(), Type.Null()], { expected: 'true or false' })),
};
const URI = Type.String({ expected: 'the URI of a blob container' });
const LOCATION = Type.Object({ storageResourceUri: URI, ...LOCATION_MEMBERS }, { expected: 'a JSON object' });
const FOLDER = Type.String({ expected: 'the name of a folder' });

export const BACKUP = new Shape(LOCATION);
export type BackupBody = Static<typeof BACKUP.schema>;

/** Where nothing is said of the storage, the pool alone is looked at. */
export const BACKUP_CHECK = new Shape(
  Type.Object({ storageResourceUri: Type.Optional(URI), ...LOCATION_MEMBERS }, { expected: 'a JSON object' }),
);
export type BackupCheckBody = Static<typeof BACKUP_CHECK.schema>;

/** RestoreOperationParameters. */
export const RESTORE = new Shape(
  Type.Object({ sasTokenParameters: LOCATION, folderToRestore: FOLDER }, { expected: 'a JSON object' }),
);
export type RestoreBody = Static<typeof RESTORE.schema>;

export const RESTORE_CHECK = new Shape(
  Type.Object(
    { sasTokenParameters: Type.Optional(LOCATION), folderToRestore: Type.Optional(FOLDER) },
    { expected: 'a JSON object' },
  ),
);
export type RestoreCheckBody = Static<typeof RESTORE_CHECK.schema>;

/** SelectiveKeyRestoreOperationParameters. */
export const KEY_RESTORE_FROM_BACKUP = new Shape(
  Type.Object({ sasTokenParameters: LOCATION, folder: FOLDER }, { expected: 'a JSON object' }),
);
export type KeyRestoreFromBackupBody = Static<typeof KEY_RESTORE_FROM_BACKUP.schema>;

/** @throws StrongroomError `BadParameter` */
export function readLocation({ storageResourceUri, token, useManagedIdentity }: BackupBody): StorageLocation {
  if (useManagedIdentity === true) {
    throw new StrongroomError('BadParameter', 'Expected false for useManagedIdentity: this HSM uses a SAS token.', {
      innerCode: 'ManagedIdentityNotSupported',
    });
  }
  return { storageResourceUri, token: token ?? undefined };
}

/** @throws StrongroomError `BadParameter` */
export function readCheckedLocation({ storageResourceUri, ...rest }: BackupCheckBody): StorageLocation | undefined {
  return storageResourceUri === undefined ? undefined : readLocation({ storageResourceUri, ...rest });
}

export function readPlace(location: BackupBody, folder: string): BackupPlace {
  return { location: readLocation(location), folder };
}

/** @throws StrongroomError `BadParameter` when there is the one without the other */
export function readCheckedPlace({ sasTokenParameters, folderToRestore }: RestoreCheckBody): BackupPlace | undefined {
  if (sasTokenParameters === undefined && folderToRestore === undefined) return undefined;
  const { sasTokenParameters: location, folderToRestore: folder } = RESTORE.check({
    sasTokenParameters,
    folderToRestore,
  });
  return readPlace(location, folder);
}

/** FullBackupOperation. While it goes on, `error` has members that are null, as the live service has it. */
export function backupOperation(job: Job): string {
  return JSON.stringify({ ...operationMembers(job), azureStorageBlobContainerUri: job.folderUri ?? null });
}

/** RestoreOperation and SelectiveKeyRestoreOperation. */
export function restoreOperation(job: Job): string {
  return JSON.stringify(operationMembers(job));
}

function operationMembers({ id, state, details, error, started, ended }: Job) {
  return {
    status: state,
    statusDetails: details,
    error: state === 'Succeeded' ? null : errorMembers(error),
    startTime: started,
    endTime: ended ?? null,
    jobId: id,
  };
}

function errorMembers(error: Job['error']) {
  const { innerCode } = error ?? {};
  return {
    code: error?.code ?? null,
    message: error?.message ?? null,
    innererror: innerCode === undefined ? null : { code: innerCode },
  };
}
