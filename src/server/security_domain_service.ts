import type { DomainCustody } from '../security_domain/domain_custody.ts';

/** What the server needs of whoever gives the security domain out. */
export type SecurityDomainService = Pick<DomainCustody, 'isActive' | 'downloadState' | 'download'>;
