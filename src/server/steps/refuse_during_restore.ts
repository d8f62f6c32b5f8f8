import { jobInProgress } from '../../backup/job.ts';
import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/**
 * While a restore, or a recovery by upload, is about to replace everything, what is read is about to be gone and what is written as well
 * (Azure API §1.20, §1.22). Who is let in is let into the pool as it is now.
 */
export function refuseDuringRestore(exchange: Exchange, parts: Parts): void {
  requireNoRestore(exchange, parts);
  exchange.epoch = parts.epoch.current;
}

/** @throws StrongroomError `Conflict` (`RestoreInProgress`) */
export function requireNoRestore({ route }: Exchange, { backups, domainRecovery }: Parts): void {
  if ((backups.isRestoring || domainRecovery.isRestoring) && !route.isDuringRestore) throw jobInProgress('restore');
}
