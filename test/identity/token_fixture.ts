import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createLocalJWKSet, exportJWK, type JWK } from 'jose';
import { Audiences } from '../../src/identity/audience.ts';
import { entraClaims } from '../../src/identity/claim_reader.ts';
import type { TrustedIssuer } from '../../src/identity/issuer.ts';

export const TENANT = '11111111-2222-3333-4444-555555555555';
export const OBJECT_ID = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
export const ISSUER = `https://login.localhost:8443/${TENANT}/`;
export const AUDIENCE = 'https://managedhsm.localhost:8443';

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const strangerRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

export const rsaJwk: JWK = { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', alg: 'RS256', use: 'sig' };
export const ecJwk: JWK = { ...(await exportJWK(ec.publicKey)), kid: 'ec', alg: 'ES256', use: 'sig' };

export const issuer: TrustedIssuer = {
  issues: (iss) => iss === ISSUER,
  algorithms: ['RS256', 'ES256'],
  keys: createLocalJWKSet({ keys: [rsaJwk, ecJwk] }),
  audiences: new Audiences('managedhsm.localhost'),
  principalOf: entraClaims(TENANT),
};

export type Claims = Record<string, unknown>;

export function goodClaims(nowMs = Date.now()): Claims {
  const now = Math.floor(nowMs / 1000);
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    tid: TENANT,
    oid: OBJECT_ID,
    sub: OBJECT_ID,
    iat: now,
    nbf: now,
    exp: now + 3600,
  };
}

export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

export type Signer = (input: string) => Buffer;

export const rs256 =
  (key: KeyObject): Signer =>
  (input) =>
    sign('sha256', Buffer.from(input), key);
export const es256 =
  (key: KeyObject, dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): Signer =>
  (input) =>
    sign('sha256', Buffer.from(input), { key, dsaEncoding });
export const hs256 =
  (secret: string | Buffer): Signer =>
  (input) =>
    createHmac('sha256', secret).update(input).digest();

/** Puts a token together by hand: what a library would refuse to make is what is needed here. */
export function compact(header: Claims, claims: unknown, signer: Signer): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signer(input).toString('base64url')}`;
}

export const RS256_HEADER = { alg: 'RS256', kid: 'rsa', typ: 'JWT' };

export function goodToken(changes: Claims = {}, header: Claims = {}): string {
  return compact({ ...RS256_HEADER, ...header }, { ...goodClaims(), ...changes }, rs256(rsa.privateKey));
}
