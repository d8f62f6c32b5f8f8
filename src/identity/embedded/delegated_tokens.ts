import type { AuthenticatedClient } from './client_authenticator.ts';
import { DELEGATED_PERMISSION, renewedAccess } from './delegated_access.ts';
import type { CodeDelegation, Delegation } from './delegation.ts';
import type { Directory } from './directory.ts';
import type { User } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';
import type { GrantParts } from './grants/grant.ts';
import { DEFAULT_PERMISSION, type RequestedAccess } from './requested_access.ts';
import type { TokenRequest } from './token_request.ts';
import { type TokenResponse, tokenResponse } from './token_response.ts';

export interface DelegatedTokens {
  readonly delegation: Delegation & Partial<Pick<CodeDelegation, 'nonce'>>;
  readonly refreshToken: string | undefined;
}

/**
 * Whether what a person once allowed still holds, for this client.
 * @throws EntraError `grantForeign`, `userDisabled` or `passwordChanged`
 */
export function checkDelegation(
  { clientId, tenantId, userId, passwordSalt }: Delegation,
  { application }: AuthenticatedClient,
  { tenant }: TokenRequest,
  directory: Directory,
): User {
  if (clientId !== application.clientId || tenantId !== tenant.id) {
    throw new EntraError('grantForeign', 'The grant was given to another application, or in another tenant.');
  }
  const user = directory.findUserById(userId);
  if (user === undefined || !user.isEnabled) throw new EntraError('userDisabled', 'The user account is disabled.');
  if (user.password?.salt !== passwordSalt) {
    throw new EntraError('passwordChanged', 'The grant has ended, because the user has another password now.');
  }
  return user;
}

/** What an application gets that acts in the name of a person (OpenID Connect Core §3.1.3.3, with Entra's `client_info`). */
export async function delegatedTokens(
  request: TokenRequest,
  parts: GrantParts,
  client: AuthenticatedClient,
  { delegation, refreshToken }: DelegatedTokens,
): Promise<TokenResponse> {
  const { directory, mint, resources } = parts;
  const { application, authentication } = client;
  const user = checkDelegation(delegation, client, request, directory.current);
  const access = renewedAccess(request, delegation, resources);
  const { clientId } = application;
  const minted = await mint.accessToken({
    request,
    audience: access.audience,
    client: { clientId, authentication },
    subject: { kind: 'user', user, permissions: [DELEGATED_PERMISSION] },
    groups: directory.current.groupsOf(user.id),
  });
  const { nonce, signedInMs } = delegation;
  const wantsIdToken = access.openIdScopes.includes('openid');
  return {
    ...tokenResponse(request, minted, access.audience),
    scope: grantedScope(access),
    ...member(
      'id_token',
      wantsIdToken ? await mint.idToken({ request, clientId, user, nonce, signedInMs }) : undefined,
    ),
    ...member('refresh_token', refreshToken),
    ...member('client_info', request.form.get('client_info') === '1' ? clientInformation(user) : undefined),
  };
}

function member(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}

/** By each name that the client may look for it by. */
function grantedScope({ audience, permissions, openIdScopes }: RequestedAccess): string {
  const names = new Set([DELEGATED_PERMISSION, ...permissions.filter((each) => each === DEFAULT_PERMISSION)]);
  return [...[...names].map((name) => `${audience}/${name}`), ...openIdScopes].join(' ');
}

function clientInformation({ id, tenantId }: User): string {
  return Buffer.from(JSON.stringify({ uid: id, utid: tenantId })).toString('base64url');
}
