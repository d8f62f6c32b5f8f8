import type { JWTVerifyGetKey } from 'jose';

/** One whose access tokens are believed. Its keys verify its own tokens alone, never those of another issuer. */
export interface TrustedIssuer {
  /** Whether the `iss` claim names it. */
  issues(iss: string): boolean;
  readonly tenantId: string;
  /** Signature algorithms, by name: what a token's header asks for beside these is refused. */
  readonly algorithms: readonly string[];
  readonly keys: JWTVerifyGetKey;
}
