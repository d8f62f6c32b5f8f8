import type { Call } from '../route.ts';
import { restoreOperation } from '../wire/pool_backup.ts';

export async function getRestoreStatus({ parts, exchange }: Call): Promise<string> {
  return restoreOperation(await parts.backups.restore(exchange.target.parameters.jobId ?? ''));
}
