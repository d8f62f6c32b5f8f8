import { errors, type JWTPayload, jwtVerify } from 'jose';
import { LIMITS } from '../model/limits.ts';
import type { SecurityPrincipal } from '../model/principal.ts';
import type { TrustedIssuer } from './issuer.ts';
import { notAccepted } from './refusal.ts';
import { readUnverified } from './strict_token.ts';

/** A verified access token: who it speaks for, and until when (unix seconds). */
export interface AccessToken {
  readonly principal: SecurityPrincipal;
  readonly expires: number;
}

const ACCESS_TOKEN_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt']);

/**
 * Verifies signature and claims of an access token (RFC 7519, RFC 8725, Azure API §4.1). Keys come from the issuer that the token names, when
 * it is a trusted one; what the header says of keys (`jku`, `x5u`, `jwk`, `x5c`) is never looked at.
 * @throws StrongroomError `Unauthorized`, and why is for the log; `ServiceUnavailable` when the issuer's keys cannot be had
 */
export async function verifyAccessToken(
  text: string,
  issuers: readonly TrustedIssuer[],
  nowMs: number,
): Promise<AccessToken> {
  const unverified = readUnverified(text);
  if (unverified === undefined) throw notAccepted('it is no signed token, or one with a member that stands twice');
  const { iss } = unverified.claims;
  const issuer = issuers.find((each) => typeof iss === 'string' && each.issues(iss));
  if (issuer === undefined) throw notAccepted('the issuer is not trusted');
  try {
    const { payload, protectedHeader } = await jwtVerify(text, issuer.keys, {
      algorithms: [...issuer.algorithms],
      clockTolerance: LIMITS.clockSkewSeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ['iss', 'aud', 'exp'],
    });
    if (protectedHeader.typ !== undefined && !isAccessTokenType(protectedHeader.typ)) {
      throw notAccepted('it is no access token');
    }
    return readClaims(payload, issuer);
  } catch (error) {
    if (error instanceof errors.JOSEError) throw notAccepted(error.message, error);
    throw error;
  }
}

function isAccessTokenType(type: unknown): boolean {
  return typeof type === 'string' && ACCESS_TOKEN_TYPES.has(type.toLowerCase());
}

function readClaims(claims: JWTPayload, issuer: TrustedIssuer): AccessToken {
  const { aud, exp, nbf } = claims;
  if (typeof aud !== 'string' || !issuer.audiences.includes(aud)) throw notAccepted('the audience is another one');
  if (!isDate(exp) || (nbf !== undefined && !isDate(nbf))) throw notAccepted('a date is not an integer');
  return { principal: issuer.principalOf(claims), expires: exp };
}

function isDate(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
