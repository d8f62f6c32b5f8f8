import type { Call } from '../route.ts';
import { POLL_SECONDS, recoveryText, type SecurityDomainBody, uploadStatus } from '../wire/security_domain.ts';

/** What can be seen at once is said at once; the recovery itself goes on by itself. */
export async function uploadSecurityDomain(
  { parts, exchange, authority }: Call,
  body: SecurityDomainBody,
): Promise<string> {
  await parts.domainRecovery.upload(recoveryText(body));
  const status = `https://${authority}/securitydomain/upload/pending`;
  exchange.answerHeaders = ['azure-asyncoperation', status, 'retry-after', POLL_SECONDS];
  return uploadStatus('InProgress');
}
