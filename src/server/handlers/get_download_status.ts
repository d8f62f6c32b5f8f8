import type { Call } from '../route.ts';
import { domainOperationStatus } from '../wire/security_domain.ts';

export async function getDownloadStatus({ parts }: Call): Promise<string> {
  return domainOperationStatus(parts.securityDomain.downloadState);
}
