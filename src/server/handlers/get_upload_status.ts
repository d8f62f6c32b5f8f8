import type { Call } from '../route.ts';
import { downloadStatus, uploadStatus } from '../wire/security_domain.ts';

/** Where nothing has been uploaded, it is the download that is meant. */
export async function getUploadStatus({ parts }: Call): Promise<string> {
  const { uploadState } = parts.domainRecovery;
  return uploadState === 'None' ? downloadStatus(parts.securityDomain.downloadState) : uploadStatus(uploadState);
}
