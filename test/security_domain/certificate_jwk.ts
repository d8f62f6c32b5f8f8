import type { X509Certificate } from 'node:crypto';
import { thumbprintOf } from '../../src/security_domain/custodian.ts';

/** SecurityDomainJsonWebKey as Azure's command line makes it of a certificate. */
export function certificateJwk(certificate: X509Certificate): Record<string, unknown> {
  const { n, e } = certificate.publicKey.export({ format: 'jwk' });
  return {
    kid: 'not used',
    kty: 'RSA',
    key_ops: ['verify', 'encrypt', 'wrapKey'],
    n,
    e,
    x5c: [certificate.raw.toString('base64')],
    'x5t#S256': thumbprintOf(certificate),
    alg: 'RSA-OAEP-256',
    use: 'enc',
  };
}
