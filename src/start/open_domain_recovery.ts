import type { Logger } from 'pino';
import type { FailedToken } from '../pool/pool_ceremony.ts';
import { requirePoolKeys } from '../pool/pool_key_ceremony.ts';
import type { DomainCustody } from '../security_domain/domain_custody.ts';
import { DomainRecovery } from '../security_domain/domain_recovery.ts';
import { type RecoveryParts, recoverPool, requireEmptyPool } from './recover_pool.ts';

/** Recovery by upload, for a pool that has no security domain of its own. */
export function openDomainRecovery(
  parts: Omit<RecoveryParts, 'onWaiting'>,
  custody: DomainCustody,
  log: Logger,
): DomainRecovery {
  const onWaiting = (tokens: readonly FailedToken[]): void => tellWaiting(tokens, log);
  return new DomainRecovery({
    isActive: () => custody.isActive,
    requireEmpty: () => requireEmptyPool(parts.core),
    requirePoolKeys,
    recover: async (items) => {
      custody.learn(await recoverPool({ ...parts, onWaiting }, items));
      log.warn('the pool has the security domain that was uploaded, and is active');
    },
    onFailure: (error) => log.error({ err: error }, 'the security domain that was uploaded could not be brought in'),
  });
}

/** A token in which a recovery has not come to its end has other pool keys than the pool until then, and is refused. */
export function tellWaiting(tokens: readonly FailedToken[], log: Logger): void {
  for (const { name: token, error: err } of tokens) {
    log.error({ err, token }, 'a recovery could not be ended in this token: start the server again when it is there');
  }
}
