import type { JWTVerifyGetKey } from 'jose';
import type { ClaimReader } from './claim_reader.ts';

/** One whose access tokens are believed. Its keys verify its own tokens alone, never those of another issuer. */
export interface TrustedIssuer {
  /** Whether the `iss` claim names it. */
  issues(iss: string): boolean;
  /** Signature algorithms, by name: what a token's header asks for beside these is refused. */
  readonly algorithms: readonly string[];
  readonly keys: JWTVerifyGetKey;
  /** Whom its tokens may be meant for. */
  readonly audiences: AudienceRule;
  /** Whether the one audience may stand in a list, as some issuers have it. */
  readonly listsAudience: boolean;
  /** Who a verified token speaks for. */
  readonly principalOf: ClaimReader;
}

export interface AudienceRule {
  includes(audience: string): boolean;
}

/** The signature algorithms that an issuer may be configured with (RFC 7518 §3.1). */
export const ISSUER_ALGORITHMS: ReadonlySet<string> = new Set(['RS256', 'PS256', 'ES256', 'ES384']);
