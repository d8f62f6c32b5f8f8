import type { AudienceRule } from '../../issuer.ts';
import type { ClientAuthenticator } from '../client_authenticator.ts';
import type { Delegations } from '../delegations.ts';
import type { DeviceCodes } from '../device_codes.ts';
import type { DirectorySource } from '../directory.ts';
import type { TokenMint } from '../token_mint.ts';
import type { TokenRequest } from '../token_request.ts';
import type { TokenResponse } from '../token_response.ts';

/** What grants are given to work with. */
export interface GrantParts {
  readonly directory: DirectorySource;
  readonly clients: ClientAuthenticator;
  readonly mint: TokenMint;
  /** What tokens may be asked for. */
  readonly resources: AudienceRule;
  readonly delegations: Delegations;
  readonly deviceCodes: DeviceCodes;
}

/** From a request of its kind to a token. @throws EntraError */
export type Grant = (request: TokenRequest, parts: GrantParts) => Promise<TokenResponse>;
