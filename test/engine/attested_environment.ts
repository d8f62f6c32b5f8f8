import {
  constants,
  createDecipheriv,
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  X509Certificate,
} from 'node:crypto';
import { compactVerify } from 'jose';
import type { Attestation } from '../../src/model/attestation.ts';
import type { ReleasePolicy } from '../../src/model/release_policy.ts';

export const AUTHORITY = 'https://authority.example';

/** A policy of one authority that says that the environment is of this type. */
export function policyFor(type: string, immutable = false): ReleasePolicy {
  const policy = { version: '1.0.0', anyOf: [{ authority: AUTHORITY, allOf: [{ claim: 'type', equals: type }] }] };
  return {
    contentType: 'application/json; charset=utf-8',
    data: Buffer.from(JSON.stringify(policy), 'utf8'),
    immutable,
  };
}

type OaepHash = 'sha1' | 'sha256' | 'sha384';

/** An environment that has a key, and an authority that speaks for it. */
export class AttestedEnvironment {
  readonly #privateKey: KeyObject;
  readonly jwk: Record<string, unknown>;
  readonly modulusBytes: number;

  constructor(modulusLength = 2048) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
    this.#privateKey = privateKey;
    this.modulusBytes = modulusLength / 8;
    this.jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'environment', key_ops: ['encrypt'] };
  }

  attestation(type: string, keys: readonly unknown[] = [this.jwk]): Attestation {
    return { authority: AUTHORITY, claims: { type, 'x-ms-runtime': { keys } } };
  }

  /** What was wrapped as CKM_RSA_AES_KEY_WRAP has it: an AES key under OAEP, the rest under the AES key (RFC 5649). */
  unwrap(wrapped: Uint8Array, oaepHash: OaepHash = 'sha1'): Buffer {
    const aesKey = privateDecrypt(
      { key: this.#privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash },
      wrapped.subarray(0, this.modulusBytes),
    );
    const decipher = createDecipheriv('id-aes256-wrap-pad', aesKey, Buffer.from('a65959a6', 'hex'));
    return Buffer.concat([decipher.update(wrapped.subarray(this.modulusBytes)), decipher.final()]);
  }

  unwrapPrivateKey(wrapped: Uint8Array, oaepHash?: OaepHash): KeyObject {
    return createPrivateKey({ key: this.unwrap(wrapped, oaepHash), format: 'der', type: 'pkcs8' });
  }
}

export interface OpenedStatement {
  readonly header: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the JSON by asserting it.
  readonly payload: any;
  readonly certificate: X509Certificate;
}

/** Checks the signature of a statement with the certificate that it brings, as one who knows nothing of the pool would. */
export async function openStatement(jws: string): Promise<OpenedStatement> {
  const header = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString('utf8'));
  const der = Buffer.from(header.x5c[0], 'base64');
  const certificate = new X509Certificate(der);
  const { payload } = await compactVerify(jws, certificate.publicKey, { algorithms: ['ES256'] });
  if (header['x5t#S256'] !== createHash('sha256').update(der).digest('base64url'))
    throw new Error('another certificate');
  return { header, payload: JSON.parse(Buffer.from(payload).toString('utf8')), certificate };
}
