import { tellWhereItIsPending } from '../pending_job.ts';
import type { Call } from '../route.ts';
import { type BackupCheckBody, backupOperation, readCheckedLocation } from '../wire/pool_backup.ts';

export async function checkBackup(call: Call, body: BackupCheckBody): Promise<string> {
  const job = await call.parts.backups.checkBackup(readCheckedLocation(body));
  tellWhereItIsPending(call, 'backup', job);
  return backupOperation(job);
}
