import { createHash, randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ClientAuthentication } from './client_authenticator.ts';
import type { User } from './directory_objects.ts';
import { SIGNING_ALGORITHM } from './signing_key.ts';
import type { IssuerKeys } from './signing_keys.ts';
import type { TokenRequest } from './token_request.ts';

/** Whom an access token speaks for. */
export type TokenSubject = ApplicationSubject | ManagedIdentitySubject | UserSubject;

/** An application that acts on its own behalf. */
interface ApplicationSubject {
  readonly kind: 'application';
  /** Of its service principal. */
  readonly objectId: string;
}

/** A process of a machine that vouches for it. */
interface ManagedIdentitySubject {
  readonly kind: 'managedIdentity';
  readonly objectId: string;
  readonly resourceId: string;
}

/** A person, by way of an application. */
interface UserSubject {
  readonly kind: 'user';
  readonly user: User;
  /** What the application may do in their name. */
  readonly permissions: readonly string[];
}

export interface AccessGrant {
  readonly request: Pick<TokenRequest, 'origin' | 'tenant' | 'form'>;
  readonly audience: string;
  readonly client: { readonly clientId: string; readonly authentication: ClientAuthentication };
  readonly subject: TokenSubject;
  /** Object ids of the groups that the subject is in. */
  readonly groups: readonly string[];
}

export interface SignInGrant {
  readonly request: Pick<TokenRequest, 'origin' | 'tenant'>;
  readonly clientId: string;
  readonly user: User;
  /** What the application wants repeated. */
  readonly nonce: string | undefined;
  readonly signedInMs: number;
}

export interface MintedToken {
  readonly text: string;
  /** Unix seconds. */
  readonly notBefore: number;
  readonly expires: number;
}

const LIFETIME_SECONDS = 3_600;
/** A token lists no more; a member of more gets a pointer to the directory in their place, as Entra has it (Azure API §4.1). */
const MOST_GROUPS = 200;
/** Strength of the client's authentication, as `appidacr` tells it. */
const STRENGTHS: Readonly<Record<ClientAuthentication, string>> = { none: '0', secret: '1', assertion: '2' };

/** Where every access token of the built-in issuer is made, in the shape of Entra's v1 tokens (Azure API §4.1, §4.5). */
export class TokenMint {
  readonly #keys: Pick<IssuerKeys, 'current'>;

  constructor(keys: Pick<IssuerKeys, 'current'>) {
    this.#keys = keys;
  }

  async accessToken({ request, audience, client, subject, groups }: AccessGrant): Promise<MintedToken> {
    const { origin, tenant, form } = request;
    const issuer = issuerName(origin, tenant.id);
    const now = Math.floor(Date.now() / 1000);
    const expires = now + LIFETIME_SECONDS;
    const text = await this.#sign({
      aud: audience,
      iss: issuer,
      iat: now,
      nbf: now,
      exp: expires,
      appid: client.clientId,
      appidacr: STRENGTHS[client.authentication],
      idp: issuer,
      ...subjectClaims(subject),
      ...groupClaims(origin, groups, subject),
      tid: tenant.id,
      uti: randomBytes(16).toString('base64url'),
      ver: '1.0',
      ...capabilityClaims(form.get('claims')),
    });
    return { text, notBefore: now, expires };
  }

  /** Tells an application who has signed in (OpenID Connect Core §2). */
  idToken({ request, clientId, user, nonce, signedInMs }: SignInGrant): Promise<string> {
    const { origin, tenant } = request;
    const now = Math.floor(Date.now() / 1000);
    return this.#sign({
      aud: clientId,
      iss: issuerName(origin, tenant.id),
      iat: now,
      nbf: now,
      exp: now + LIFETIME_SECONDS,
      auth_time: Math.floor(signedInMs / 1000),
      ...(nonce === undefined ? {} : { nonce }),
      oid: user.id,
      // Another one for each application, so that two of them cannot tell that they have the same user by it alone.
      sub: createHash('sha256').update(`${clientId} ${user.id}`).digest('base64url'),
      tid: tenant.id,
      name: user.displayName,
      preferred_username: user.userPrincipalName,
      upn: user.userPrincipalName,
      uti: randomBytes(16).toString('base64url'),
      ver: '2.0',
    });
  }

  #sign(claims: Record<string, unknown>): Promise<string> {
    const { keyId, privateKey } = this.#keys.current;
    return new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: SIGNING_ALGORITHM, kid: keyId }).sign(privateKey);
  }
}

/** What `iss` is in tokens for principals of the tenant. */
export function issuerName(origin: string, tenantId: string): string {
  return `${origin}/${tenantId}/`;
}

function subjectClaims(subject: TokenSubject): Record<string, unknown> {
  if (subject.kind === 'application') return { idtyp: 'app', oid: subject.objectId, sub: subject.objectId };
  if (subject.kind === 'managedIdentity') {
    const { objectId, resourceId } = subject;
    return { idtyp: 'app', oid: objectId, sub: objectId, xms_mirid: resourceId };
  }
  const { user, permissions } = subject;
  return {
    idtyp: 'user',
    oid: user.id,
    sub: user.id,
    scp: permissions.join(' '),
    name: user.displayName,
    upn: user.userPrincipalName,
    unique_name: user.userPrincipalName,
  };
}

function groupClaims(origin: string, groups: readonly string[], subject: TokenSubject): Record<string, unknown> {
  if (groups.length === 0) return {};
  if (groups.length <= MOST_GROUPS) return { groups };
  const member = subject.kind === 'user' ? `users/${subject.user.id}` : `servicePrincipals/${subject.objectId}`;
  const endpoint = `${origin}/v1.0/${member}/getMemberObjects`;
  return { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint } } };
}

/** `xms_cc`: what the client says that it can handle, repeated to the resource. Whatever else it asks for is not given. */
function capabilityClaims(requested: string | null): Record<string, unknown> {
  if (requested === null || !/"xms_cc"/.test(requested)) return {};
  try {
    const { access_token: claims } = JSON.parse(requested) as { access_token?: { xms_cc?: { values?: unknown } } };
    const values = claims?.xms_cc?.values;
    const isCapable = Array.isArray(values) && values.some((each) => String(each).toLowerCase() === 'cp1');
    return isCapable ? { xms_cc: ['cp1'] } : {};
  } catch {
    return {};
  }
}
