import { tellWhereItIsPending } from '../pending_job.ts';
import type { Call } from '../route.ts';
import { type BackupBody, backupOperation, readLocation } from '../wire/pool_backup.ts';

export async function startBackup(call: Call, body: BackupBody): Promise<string> {
  const job = await call.parts.backups.startBackup(readLocation(body));
  tellWhereItIsPending(call, 'backup', job);
  return backupOperation(job);
}
