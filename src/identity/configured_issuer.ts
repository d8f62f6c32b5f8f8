import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { PublishedKeys } from '../openid/published_keys.ts';
import { type ClaimMapping, entraClaims, mappedClaims } from './claim_reader.ts';
import type { TrustedIssuer } from './issuer.ts';

/** A tenant of Microsoft Entra ID. */
export interface EntraTenant {
  readonly kind: 'entra';
  readonly tenant: string;
  /** Origin of the authority, without a slash at the end. */
  readonly authority: string;
  readonly algorithms: readonly string[];
  readonly audiences: readonly string[] | undefined;
  readonly keys: KeySource;
}

/** Any issuer of JSON Web Tokens that publishes its keys as OpenID Connect Discovery has it. */
export interface OpenIdIssuer {
  readonly kind: 'openid';
  readonly issuer: string;
  readonly algorithms: readonly string[];
  readonly audiences: readonly string[] | undefined;
  readonly keys: KeySource;
  readonly claims: ClaimMapping;
}

export type ConfiguredIssuer = EntraTenant | OpenIdIssuer;

/** Keys that are known beforehand, or published. Never by an address that a token names. */
export type KeySource =
  | { readonly kind: 'pinned'; readonly keySet: JSONWebKeySet }
  | { readonly kind: 'published'; readonly metadata: URL; readonly certificateAuthorities: string | undefined };

/** Entra's own name in v1 tokens of the public cloud. */
const PUBLIC_AUTHORITY = 'https://login.microsoftonline.com';
const PUBLIC_V1_ISSUER = 'https://sts.windows.net';

/** What the service says of itself to those who believe others. */
export interface Believer {
  /** Whom tokens may be meant for, where the issuer's configuration does not say. */
  readonly resources: readonly string[];
  /** The directory that principals of issuers without tenants belong to. */
  readonly tenantId: string;
}

/** The clock, in milliseconds from anywhere, is what the age of published keys goes by: one that nobody can set back. */
export function trustIssuer(
  configured: ConfiguredIssuer,
  believer: Believer,
  clock: () => number = () => performance.now(),
): TrustedIssuer {
  const { algorithms, audiences = believer.resources } = configured;
  const names = issuerNames(configured);
  return {
    issues: (iss) => names.includes(iss),
    algorithms,
    keys: findKeys(configured, clock),
    audiences,
    listsAudience: configured.kind === 'openid',
    principalOf:
      configured.kind === 'entra'
        ? entraClaims(configured.tenant)
        : mappedClaims(configured.issuer, believer.tenantId, configured.claims),
  };
}

/** What `iss` may be, each exactly. */
export function issuerNames(configured: ConfiguredIssuer): readonly string[] {
  if (configured.kind === 'openid') return [configured.issuer];
  const { authority, tenant } = configured;
  const v1 = authority === PUBLIC_AUTHORITY ? PUBLIC_V1_ISSUER : authority;
  return [`${v1}/${tenant}/`, `${authority}/${tenant}/v2.0`];
}

/** Where clients are sent for access tokens. */
export function authorizationOf(configured: ConfiguredIssuer): string {
  return configured.kind === 'entra' ? `${configured.authority}/${configured.tenant}` : configured.issuer;
}

function findKeys(configured: ConfiguredIssuer, clock: () => number): JWTVerifyGetKey {
  const { keys } = configured;
  if (keys.kind === 'pinned') return createLocalJWKSet(keys.keySet);
  const names = issuerNames(configured);
  const speaksFor = (issuer: string): boolean => names.includes(issuer);
  return new PublishedKeys({ ...keys, speaksFor, owner: 'the issuer of the access token' }, clock).find;
}
