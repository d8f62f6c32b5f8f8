import { requireKeyName } from '../../model/key_identifier.ts';
import { tellWhereItIsPending } from '../pending_job.ts';
import type { Call } from '../route.ts';
import { type KeyRestoreFromBackupBody, readPlace, restoreOperation } from '../wire/pool_backup.ts';

/** One key out of a backup of the pool. It is about the pool whose storage is read, and so no matter of the one key's scope. */
export async function startKeyRestore(call: Call, body: KeyRestoreFromBackupBody): Promise<string> {
  const name = requireKeyName(call.key.name);
  call.exchange.audit.keyName = name;
  const job = await call.parts.backups.startKeyRestore(name, readPlace(body.sasTokenParameters, body.folder));
  tellWhereItIsPending(call, 'restore', job);
  return restoreOperation(job);
}
