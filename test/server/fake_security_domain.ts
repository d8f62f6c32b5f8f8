import type { Custodian } from '../../src/security_domain/custodian.ts';
import type { DomainOperationState } from '../../src/security_domain/domain_custody.ts';
import { newTransferKey, type TransferKey } from '../../src/security_domain/transfer_key.ts';
import type { DomainRecoveryService, SecurityDomainService } from '../../src/server/security_domain_service.ts';

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

/** Takes every upload, and is done with it at once unless told otherwise. */
export class FakeDomainRecovery implements DomainRecoveryService {
  uploadState: DomainOperationState = 'None';
  readonly uploads: string[] = [];
  becomes: DomainOperationState = 'Success';
  #transferKey: Promise<TransferKey> | undefined;

  get isRestoring(): boolean {
    return this.uploadState === 'InProgress';
  }

  transferKey(now: Date): Promise<TransferKey> {
    this.#transferKey ??= newTransferKey(now);
    return this.#transferKey;
  }

  async upload(text: string): Promise<void> {
    this.uploads.push(text);
    this.uploadState = this.becomes;
  }
}
