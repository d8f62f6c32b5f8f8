import { tellWhereItIsPending } from '../pending_job.ts';
import type { Call } from '../route.ts';
import { type RestoreBody, readPlace, restoreOperation } from '../wire/pool_backup.ts';

export async function startRestore(call: Call, body: RestoreBody): Promise<string> {
  const job = await call.parts.backups.startRestore(readPlace(body.sasTokenParameters, body.folderToRestore));
  tellWhereItIsPending(call, 'restore', job);
  return restoreOperation(job);
}
