import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createLocalJWKSet, exportJWK, type JWK } from 'jose';
import { Audiences } from '../../src/identity/audience.ts';
import { entraClaims } from '../../src/identity/claim_reader.ts';
import { type OpenIdIssuer, trustIssuer } from '../../src/identity/configured_issuer.ts';
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
  listsAudience: false,
  principalOf: entraClaims(TENANT),
};

/** Another issuer, whose keys have the names of those of the first. */
export const OTHER_ISSUER = 'https://sso.example.org/realms/production';
export const OTHER_AUDIENCE = 'strongroom';
export const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const otherEc = generateKeyPairSync('ec', { namedCurve: 'P-384' });

const otherConfigured: OpenIdIssuer = {
  kind: 'openid',
  issuer: OTHER_ISSUER,
  algorithms: ['PS256', 'ES384'],
  audiences: [OTHER_AUDIENCE],
  keys: {
    kind: 'pinned',
    keySet: {
      keys: [
        { ...(await exportJWK(otherRsa.publicKey)), kid: 'rsa' },
        { ...(await exportJWK(otherEc.publicKey)), kid: 'ec' },
      ],
    },
  },
  claims: { subject: 'sub', groups: 'groups', application: 'azp', name: undefined, objectIds: 'derived' },
};
export const otherIssuer: TrustedIssuer = trustIssuer(otherConfigured, { resources: [], tenantId: TENANT });

/** A tenant of Entra. */
export const ENTRA_TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
export const ENTRA_V1 = `https://sts.windows.net/${ENTRA_TENANT}/`;
export const ENTRA_V2 = `https://login.microsoftonline.com/${ENTRA_TENANT}/v2.0`;
export const entraRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const entraIssuer: TrustedIssuer = trustIssuer(
  {
    kind: 'entra',
    tenant: ENTRA_TENANT,
    authority: 'https://login.microsoftonline.com',
    algorithms: ['RS256'],
    audiences: undefined,
    keys: {
      kind: 'pinned',
      keySet: { keys: [{ ...(await exportJWK(entraRsa.publicKey)), kid: 'entra', use: 'sig' }] },
    },
  },
  { resources: [AUDIENCE, 'https://managedhsm.azure.net'], tenantId: TENANT },
);

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
export const ps256 =
  (key: KeyObject, saltLength = 32): Signer =>
  (input) =>
    sign('sha256', Buffer.from(input), { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
export const es256 =
  (key: KeyObject, dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): Signer =>
  (input) =>
    sign('sha256', Buffer.from(input), { key, dsaEncoding });
export const es384 =
  (key: KeyObject, dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): Signer =>
  (input) =>
    sign('sha384', Buffer.from(input), { key, dsaEncoding });
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

export function goodToken(changes: Claims = {}, header: Claims = {}, key: KeyObject = rsa.privateKey): string {
  return compact({ ...RS256_HEADER, ...header }, { ...goodClaims(), ...changes }, rs256(key));
}

/** Of the first issuer, by its EC key. */
export function goodEcToken(changes: Claims = {}, header: Claims = {}): string {
  return compact({ alg: 'ES256', kid: 'ec', ...header }, { ...goodClaims(), ...changes }, es256(ec.privateKey));
}

/** Of the other issuer, by its RSA key. */
export function otherToken(changes: Claims = {}, header: Claims = {}): string {
  const claims = { ...goodClaims(), iss: OTHER_ISSUER, aud: OTHER_AUDIENCE, sub: 'alice', ...changes };
  return compact({ alg: 'PS256', kid: 'rsa', ...header }, claims, ps256(otherRsa.privateKey));
}

/** Of the other issuer, by its EC key. */
export function otherEcToken(changes: Claims = {}, header: Claims = {}): string {
  const claims = { ...goodClaims(), iss: OTHER_ISSUER, aud: OTHER_AUDIENCE, sub: 'alice', ...changes };
  return compact({ alg: 'ES384', kid: 'ec', ...header }, claims, es384(otherEc.privateKey));
}

/** Of the Entra tenant. */
export function entraToken(changes: Claims = {}, header: Claims = {}): string {
  const claims = { ...goodClaims(), iss: ENTRA_V1, tid: ENTRA_TENANT, ...changes };
  return compact({ alg: 'RS256', kid: 'entra', typ: 'JWT', ...header }, claims, rs256(entraRsa.privateKey));
}
