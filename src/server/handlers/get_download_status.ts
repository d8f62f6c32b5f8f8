import type { Call } from '../route.ts';
import { downloadStatus } from '../wire/security_domain.ts';

export async function getDownloadStatus({ parts }: Call): Promise<string> {
  return downloadStatus(parts.securityDomain.downloadState);
}
