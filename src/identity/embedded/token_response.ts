import type { MintedToken } from './token_mint.ts';
import type { TokenRequest } from './token_request.ts';

/** What the token endpoint answers; a grant adds what else it gives. */
export interface TokenResponse {
  readonly token_type: 'Bearer';
  readonly access_token: string;
  readonly [member: string]: string | number;
}

/** Clients keep a token for a second less than it lasts. */
const MARGIN_SECONDS = 1;

/** In the v1 form numbers are texts, and the resource is named. */
export function tokenResponse({ version }: TokenRequest, minted: MintedToken, audience: string): TokenResponse {
  const { text, notBefore, expires } = minted;
  const seconds = expires - notBefore - MARGIN_SECONDS;
  if (version === 'v2') {
    return { token_type: 'Bearer', expires_in: seconds, ext_expires_in: seconds, access_token: text };
  }
  return {
    token_type: 'Bearer',
    expires_in: String(seconds),
    ext_expires_in: String(seconds),
    expires_on: String(expires),
    not_before: String(notBefore),
    resource: audience,
    access_token: text,
  };
}
