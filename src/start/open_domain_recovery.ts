import type { Logger } from 'pino';
import { requirePoolKeys } from '../pool/pool_key_ceremony.ts';
import type { DomainCustody } from '../security_domain/domain_custody.ts';
import { DomainRecovery } from '../security_domain/domain_recovery.ts';
import { type RecoveryParts, recoverPool, requireEmptyPool } from './recover_pool.ts';

/** Recovery by upload, for a pool that has no security domain of its own. */
export function openDomainRecovery(parts: RecoveryParts, custody: DomainCustody, log: Logger): DomainRecovery {
  return new DomainRecovery({
    isActive: () => custody.isActive,
    requireEmpty: () => requireEmptyPool(parts.core),
    requirePoolKeys,
    recover: async (items) => {
      custody.learn(await recoverPool(parts, items));
      log.warn('the pool has the security domain that was uploaded, and is active');
    },
    onFailure: (error) => log.error({ err: error }, 'the security domain that was uploaded could not be brought in'),
  });
}
