import { hash, randomUUID, X509Certificate } from 'node:crypto';
import type { ClientCertificate } from './directory_objects.ts';

const RSA_BITS_LEAST = 2048;
const RSA_BITS_MOST = 4096;

/** A certificate as the directory keeps it; `undefined` when it is none, or one whose key signs no assertions. */
export function keptCertificate(
  encoded: string | Uint8Array,
  displayName: string | undefined,
): ClientCertificate | undefined {
  const certificate = parse(encoded);
  if (certificate === undefined) return undefined;
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (asymmetricKeyType !== 'rsa' || bits < RSA_BITS_LEAST || bits > RSA_BITS_MOST) return undefined;
  return {
    keyId: randomUUID(),
    displayName,
    pem: certificate.toString(),
    x5t: hash('sha1', certificate.raw, 'base64url'),
    x5tS256: hash('sha256', certificate.raw, 'base64url'),
    startMs: Date.parse(certificate.validFrom),
    endMs: Date.parse(certificate.validTo),
  };
}

function parse(encoded: string | Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(encoded);
  } catch {
    return undefined;
  }
}
