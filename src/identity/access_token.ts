import { type JWTPayload, jwtVerify, type ProtectedHeaderParameters } from 'jose';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { SecurityPrincipal } from '../model/principal.ts';
import type { TrustedIssuer } from './issuer.ts';
import { notAccepted } from './refusal.ts';
import { readUnverified } from './strict_token.ts';

/** A verified access token: who it speaks for, and until when (unix seconds). */
export interface AccessToken {
  readonly principal: SecurityPrincipal;
  readonly expires: number;
  /** SHA-256 of the certificate that its holder has to show, where it is bound to one (RFC 8705 §3.1). */
  readonly certificate: string | undefined;
}

const ACCESS_TOKEN_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt']);
/** What tokens for other uses have and access tokens have not: ID tokens (OpenID Connect Core §2, §3.3.2.11) and logout tokens. */
const CLAIMS_OF_OTHER_TOKENS = ['nonce', 'at_hash', 'c_hash', 'events'];

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
  if (unverified === undefined) throw notAccepted('it is no signed token, or one that can be read in two ways');
  checkHeader(unverified.header);
  const { iss } = unverified.claims;
  const issuer = issuers.find((each) => typeof iss === 'string' && each.issues(iss));
  if (issuer === undefined) throw notAccepted('the issuer is not trusted');
  const claims = await verifySignature(text, issuer, nowMs);
  return readClaims(claims, issuer, nowMs);
}

function checkHeader({ typ, crit, b64 }: ProtectedHeaderParameters): void {
  if (crit !== undefined || b64 !== undefined) throw notAccepted('it asks for an extension');
  if (typ !== undefined && !isAccessTokenType(typ)) throw notAccepted('it is no access token');
}

function isAccessTokenType(type: unknown): boolean {
  return typeof type === 'string' && ACCESS_TOKEN_TYPES.has(type.toLowerCase());
}

async function verifySignature(text: string, issuer: TrustedIssuer, nowMs: number): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(text, issuer.keys, {
      algorithms: [...issuer.algorithms],
      clockTolerance: LIMITS.clockSkewSeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ['iss', 'aud', 'exp'],
    });
    return payload;
  } catch (error) {
    if (error instanceof StrongroomError) throw error;
    // A key of the issuer's that cannot be used is no more a reason to believe a token than a wrong signature.
    throw notAccepted((error as Error).message, error);
  }
}

function readClaims(claims: JWTPayload, issuer: TrustedIssuer, nowMs: number): AccessToken {
  const { aud, exp, nbf, iat } = claims;
  const audience = issuer.listsAudience && Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (typeof audience !== 'string' || !issuer.audiences.includes(audience))
    throw notAccepted('the audience is another one');
  const foreign = CLAIMS_OF_OTHER_TOKENS.find((name) => claims[name] !== undefined);
  if (foreign !== undefined) throw notAccepted(`it is no access token: those have no ${foreign}`);
  if (!isDate(exp) || !isDateOrAbsent(nbf) || !isDateOrAbsent(iat)) throw notAccepted('a date is not an integer');
  if (iat !== undefined && iat > nowMs / 1000 + LIMITS.clockSkewSeconds) throw notAccepted('it is not issued yet');
  return { principal: issuer.principalOf(claims), expires: exp, certificate: readConfirmation(claims.cnf) };
}

/** What its holder has to prove beside having it. A proof that nobody here asks for is one that nobody gives. */
function readConfirmation(confirmation: unknown): string | undefined {
  if (confirmation === undefined) return undefined;
  const members = Object.entries(confirmation ?? {});
  const [[name, thumbprint] = []] = members;
  if (members.length === 1 && name === 'x5t#S256' && typeof thumbprint === 'string') return thumbprint;
  throw notAccepted('it is bound to something other than a certificate');
}

function isDateOrAbsent(value: unknown): value is number | undefined {
  return value === undefined || isDate(value);
}

function isDate(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
