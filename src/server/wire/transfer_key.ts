import { hash } from 'node:crypto';
import type { TransferKey } from '../../security_domain/transfer_key.ts';

/** Of versions up to this one Azure's command line expects the key as a text inside of the JSON (Azure API §1.21). */
const AS_TEXT = /^7\.[0-2](?:-|$)/;

/** TransferKey: a JSON Web Key with its certificate. */
export function transferKeyBody({ publicKey, thumbprint, certificate }: TransferKey, apiVersion: string): string {
  const { n, e } = publicKey.export({ format: 'jwk' });
  const key = {
    kid: thumbprint,
    kty: 'RSA',
    key_ops: ['verify', 'encrypt', 'wrapKey'],
    n,
    e,
    x5c: [certificate],
    use: 'enc',
    x5t: hash('sha1', Buffer.from(certificate, 'base64'), 'base64url'),
    'x5t#S256': thumbprint,
    alg: 'RSA-OAEP-256',
  };
  return JSON.stringify({ key_format: 'jwk', transfer_key: AS_TEXT.test(apiVersion) ? JSON.stringify(key) : key });
}
