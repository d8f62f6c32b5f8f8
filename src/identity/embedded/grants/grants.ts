import { authorizationCode } from './authorization_code.ts';
import { clientCredentials } from './client_credentials.ts';
import { deviceCode } from './device_code.ts';
import type { Grant } from './grant.ts';
import { refreshToken } from './refresh_token.ts';

/** What may be asked of the token endpoint, by `grant_type`. Passwords are typed into pages of the issuer and nowhere else (RFC 9700 §2.4). */
export const GRANTS: ReadonlyMap<string, Grant> = new Map([
  ['client_credentials', clientCredentials],
  ['authorization_code', authorizationCode],
  ['refresh_token', refreshToken],
  ['urn:ietf:params:oauth:grant-type:device_code', deviceCode],
  // Its short name, as MSAL for JavaScript has it.
  ['device_code', deviceCode],
]);
