import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { SecurityPrincipal } from '../model/principal.ts';
import type { Audiences } from './audience.ts';
import type { TrustedIssuer } from './issuer.ts';

/** A verified access token: who it speaks for, and until when (unix seconds). */
export interface AccessToken {
  readonly principal: SecurityPrincipal;
  readonly expires: number;
}

export interface AccessTokenRules {
  readonly issuers: readonly TrustedIssuer[];
  readonly audiences: Audiences;
}

const GUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const ACCESS_TOKEN_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt']);

/**
 * Verifies signature and claims of an access token (RFC 7519, RFC 8725, Azure API §4.1). Keys come from the issuer that the token names, when
 * it is a trusted one; what the header says of keys (`jku`, `x5u`, `jwk`, `x5c`) is never looked at.
 * @throws StrongroomError `Unauthorized`; why is for the log.
 */
export async function verifyAccessToken(text: string, rules: AccessTokenRules, nowMs: number): Promise<AccessToken> {
  try {
    const { iss } = decodeJwt(text);
    const issuer = rules.issuers.find((each) => typeof iss === 'string' && each.issues(iss));
    if (issuer === undefined) throw refuse('the issuer is not trusted');
    const { payload, protectedHeader } = await jwtVerify(text, issuer.keys, {
      algorithms: [...issuer.algorithms],
      clockTolerance: LIMITS.clockSkewSeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ['iss', 'aud', 'exp', 'tid', 'oid'],
    });
    if (protectedHeader.typ !== undefined && !isAccessTokenType(protectedHeader.typ))
      throw refuse('it is no access token');
    return readClaims(payload, issuer, rules.audiences);
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refuse(error.message, error);
    throw error;
  }
}

function isAccessTokenType(type: unknown): boolean {
  return typeof type === 'string' && ACCESS_TOKEN_TYPES.has(type.toLowerCase());
}

function readClaims(claims: JWTPayload, issuer: TrustedIssuer, audiences: Audiences): AccessToken {
  const { aud, exp, oid, tid, appid, azp, groups } = claims;
  if (typeof aud !== 'string' || !audiences.includes(aud)) throw refuse('the audience is another one');
  if (!isDate(exp) || (claims.nbf !== undefined && !isDate(claims.nbf))) throw refuse('a date is not an integer');
  if (tid !== issuer.tenantId) throw refuse('the tenant is not that of the issuer');
  if (typeof oid !== 'string' || !GUID.test(oid)) throw refuse('the object id is not a GUID');
  const application = appid ?? azp;
  return {
    principal: {
      objectId: oid.toLowerCase(),
      tenantId: issuer.tenantId,
      applicationId: typeof application === 'string' ? application : undefined,
      groups: readGroups(groups),
    },
    expires: exp,
  };
}

function isDate(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function readGroups(groups: unknown): readonly string[] {
  if (groups === undefined) return [];
  if (
    !Array.isArray(groups) ||
    groups.length > LIMITS.groupsPerPrincipal ||
    !groups.every((each) => typeof each === 'string')
  ) {
    throw refuse('the groups are no list of object ids');
  }
  return groups.map((each) => each.toLowerCase());
}

function refuse(reason: string, cause?: unknown): StrongroomError {
  return new StrongroomError('Unauthorized', `The access token is not accepted: ${reason}.`, { cause });
}
