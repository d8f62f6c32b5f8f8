import type { Call } from '../route.ts';
import { backupOperation } from '../wire/pool_backup.ts';

export async function getBackupStatus({ parts, exchange }: Call): Promise<string> {
  return backupOperation(await parts.backups.backup(exchange.target.parameters.jobId ?? ''));
}
