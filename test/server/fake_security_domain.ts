import type { Custodian } from '../../src/security_domain/custodian.ts';
import type { DomainOperationState } from '../../src/security_domain/domain_custody.ts';
import type { SecurityDomainService } from '../../src/server/security_domain_service.ts';

/** Active unless told otherwise; gives out a text. */
export class FakeSecurityDomain implements SecurityDomainService {
  isActive = true;
  downloadState: DomainOperationState = 'Success';
  readonly downloads: { readonly custodians: readonly Custodian[]; readonly required: number }[] = [];

  async download(custodians: readonly Custodian[], required: number): Promise<string> {
    this.downloads.push({ custodians, required });
    this.isActive = true;
    return '{"the":"domain"}';
  }
}
