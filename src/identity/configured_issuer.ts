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

/** An issuer whose tokens are no access tokens here: its subjects show them at the built-in issuer, for an application that is theirs. */
export interface FederatedIssuer {
  readonly kind: 'federated';
  readonly issuer: string;
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
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
    keys: findKeys(configured.keys, names, 'the issuer of the access token', clock),
    audiences,
    listsAudience: configured.kind === 'openid',
    principalOf:
      configured.kind === 'entra'
        ? entraClaims(configured.tenant)
        : mappedClaims(configured.issuer, believer.tenantId, configured.claims),
  };
}

/** What `iss` may be, each exactly. */
export function issuerNames(configured: ConfiguredIssuer | FederatedIssuer): readonly string[] {
  if (configured.kind !== 'entra') return [configured.issuer];
  const { authority, tenant } = configured;
  const v1 = authority === PUBLIC_AUTHORITY ? PUBLIC_V1_ISSUER : authority;
  return [`${v1}/${tenant}/`, `${authority}/${tenant}/v2.0`];
}

/** Where clients are sent for access tokens. */
export function authorizationOf(configured: ConfiguredIssuer): string {
  return configured.kind === 'entra' ? `${configured.authority}/${configured.tenant}` : configured.issuer;
}

/** Verifies with the issuer's keys. `owner` is for messages. */
export function findKeys(
  keys: KeySource,
  names: readonly string[],
  owner: string,
  clock: () => number,
): JWTVerifyGetKey {
  if (keys.kind === 'pinned') return createLocalJWKSet(keys.keySet);
  const speaksFor = (issuer: string): boolean => names.includes(issuer);
  return new PublishedKeys({ ...keys, speaksFor, owner }, clock).find;
}
