import { createHash } from 'node:crypto';
import type { PublicKey } from '../../model/key.ts';

/** The public half as a JSON Web Key, its required members alone and in the order of RFC 7638. */
export function publicJwk(publicKey: PublicKey): Readonly<Record<string, string>> {
  switch (publicKey.keyType) {
    case 'EC-HSM':
      return { crv: publicKey.curve, kty: 'EC', x: base64url(publicKey.x), y: base64url(publicKey.y) };
    case 'RSA-HSM':
      return { e: base64url(publicKey.publicExponent), kty: 'RSA', n: base64url(publicKey.modulus) };
    default:
      throw new TypeError('A symmetric key has no public half.');
  }
}

/** RFC 7638, with SHA-256. */
export function thumbprint(publicKey: PublicKey): string {
  return createHash('sha256')
    .update(JSON.stringify(publicJwk(publicKey)))
    .digest('base64url');
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
