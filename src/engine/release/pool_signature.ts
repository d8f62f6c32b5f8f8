import { createHash, X509Certificate } from 'node:crypto';
import type { HsmPool } from '../../pool/hsm_pool.ts';

/** Who the pool is to those outside who check what it says. */
export interface PoolIdentity {
  /** X.509 in DER, over the attestation key and signed by it. */
  readonly certificate: Uint8Array;
  readonly certificatePem: string;
}

const identities = new WeakMap<HsmPool, Promise<PoolIdentity>>();

/** Made once for a pool, when it is first asked for: the certificate library takes a while to load. */
export function poolIdentity(pool: HsmPool): Promise<PoolIdentity> {
  const known = identities.get(pool);
  if (known !== undefined) return known;
  const identity = makeIdentity(pool);
  identities.set(pool, identity);
  identity.catch(() => identities.delete(pool));
  return identity;
}

async function makeIdentity(pool: HsmPool): Promise<PoolIdentity> {
  const { buildPoolCertificate } = await import('./pool_certificate.ts');
  const certificate = await buildPoolCertificate(pool);
  return { certificate, certificatePem: new X509Certificate(certificate).toString() };
}

/**
 * A JSON Web Signature in compact form (RFC 7515) by the pool's attestation key, with its certificate. `type` says what kind of thing it
 * is, so that none is taken for another.
 */
export async function signStatement(pool: HsmPool, type: string, payload: object): Promise<string> {
  const { certificate } = await poolIdentity(pool);
  const header = {
    alg: 'ES256',
    typ: type,
    'x5t#S256': createHash('sha256').update(certificate).digest('base64url'),
    x5c: [Buffer.from(certificate).toString('base64')],
  };
  const signed = `${encoded(header)}.${encoded(payload)}`;
  const signature = await pool.signAttestation(createHash('sha256').update(signed).digest());
  return `${signed}.${Buffer.from(signature).toString('base64url')}`;
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
