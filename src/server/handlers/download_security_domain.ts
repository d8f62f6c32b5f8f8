import type { Call } from '../route.ts';
import {
  type CertificatesBody,
  POLL_SECONDS,
  quorumOf,
  readCustodians,
  securityDomainBody,
} from '../wire/security_domain.ts';

/** To custodians, each of whom can open a share. The first download makes the pool active. */
export async function downloadSecurityDomain(
  { parts, exchange, authority }: Call,
  body: CertificatesBody,
): Promise<string> {
  const file = await parts.securityDomain.download(readCustodians(body), quorumOf(body), Date.now());
  const status = `https://${authority}/securitydomain/download/pending`;
  exchange.answerHeaders = ['azure-asyncoperation', status, 'retry-after', POLL_SECONDS];
  return securityDomainBody(file);
}
