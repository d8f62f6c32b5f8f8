import type { DomainCustody } from '../security_domain/domain_custody.ts';
import type { DomainRecovery } from '../security_domain/domain_recovery.ts';

/** What the server needs of whoever gives the security domain out. */
export type SecurityDomainService = Pick<DomainCustody, 'isActive' | 'downloadState' | 'download'>;

/** … and of whoever takes one in. */
export type DomainRecoveryService = Pick<DomainRecovery, 'isRestoring' | 'uploadState' | 'transferKey' | 'upload'>;
