import { tellWhereItIsPending } from '../pending_job.ts';
import type { Call } from '../route.ts';
import { type RestoreCheckBody, readCheckedPlace, restoreOperation } from '../wire/pool_backup.ts';

export async function checkRestore(call: Call, body: RestoreCheckBody): Promise<string> {
  const job = await call.parts.backups.checkRestore(readCheckedPlace(body));
  tellWhereItIsPending(call, 'restore', job);
  return restoreOperation(job);
}
