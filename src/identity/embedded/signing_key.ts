import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, importPKCS8, type JWK } from 'jose';

export const SIGNING_ALGORITHM = 'RS256';

/** The key that the built-in issuer signs access tokens with: one per installation. */
export interface SigningKey {
  readonly privateKey: CryptoKey;
  /** With `kid` (RFC 7638), `alg` and `use`: what the key set publishes. */
  readonly publicJwk: JWK;
  readonly keyId: string;
}

const RSA_BITS = 2048;

/** A new key, as PKCS#8 in PEM. */
export async function newSigningKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

export async function readSigningKey(pem: string): Promise<SigningKey> {
  const privateKey = await importPKCS8(pem, SIGNING_ALGORITHM, { extractable: true });
  const { kty, n, e } = await exportJWK(privateKey);
  const keyId = await calculateJwkThumbprint({ kty, n, e } as JWK);
  return {
    privateKey: await importPKCS8(pem, SIGNING_ALGORITHM),
    publicJwk: { kty, n, e, kid: keyId, alg: SIGNING_ALGORITHM, use: 'sig' } as JWK,
    keyId,
  };
}
