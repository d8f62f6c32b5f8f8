import type { RequestedAccess } from './requested_access.ts';

/** What a person has let an application do in their name. */
export interface Delegation {
  readonly tenantId: string;
  readonly userId: string;
  readonly clientId: string;
  readonly access: RequestedAccess;
  /** When the person typed the password, in Unix milliseconds. */
  readonly signedInMs: number;
  /** Salt of the password that was typed: with another password the delegation ends. */
  readonly passwordSalt: string;
}

/** With what belongs to one authorization code alone. */
export interface CodeDelegation extends Delegation {
  readonly redirectUri: string;
  /** S256 of the verifier (RFC 7636 §4.2). */
  readonly challenge: string | undefined;
  /** Repeated in the id token (OpenID Connect Core §3.1.2.1). */
  readonly nonce: string | undefined;
}
