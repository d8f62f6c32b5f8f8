import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type Custodian, custodianOf, thumbprintOf } from '../../src/security_domain/custodian.ts';
import type { CustodianKey } from '../../src/security_domain/security_domain.ts';

export interface TestCustodian {
  readonly certificate: X509Certificate;
  readonly custodian: Custodian;
  readonly key: CustodianKey;
}

/** A key and a certificate that signs itself, made by OpenSSL as operators do. */
export function newCustodian(name: string, keyType = 'rsa:2048'): TestCustodian {
  const certificate = newCertificate(name, keyType);
  return {
    certificate: certificate.certificate,
    custodian: custodianOf(certificate.certificate, 'certificates'),
    key: { thumbprint: thumbprintOf(certificate.certificate), privateKey: createPrivateKey(certificate.privateKey) },
  };
}

export function newCertificate(name: string, keyType: string): { certificate: X509Certificate; privateKey: string } {
  const algorithm = keyType === 'ec' ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', keyType];
  const output = execFileSync(
    'openssl',
    ['req', '-x509', ...algorithm, '-nodes', '-keyout', '-', '-subj', `/CN=${name}`, '-days', '30'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const at = output.indexOf('-----BEGIN CERTIFICATE-----');
  return { certificate: new X509Certificate(output.slice(at)), privateKey: output.slice(0, at) };
}
