import type { AudienceRule } from '../issuer.ts';
import type { Delegation } from './delegation.ts';
import { EntraError } from './entra_error.ts';
import { DEFAULT_PERMISSION, OPEN_ID_SCOPES, type RequestedAccess, readRequestedAccess } from './requested_access.ts';
import type { TokenRequest } from './token_request.ts';

/** The one thing that an application may do in the name of a person: what the person may. */
export const DELEGATED_PERMISSION = 'user_impersonation';
const PERMISSIONS: ReadonlySet<string> = new Set([DELEGATED_PERMISSION, DEFAULT_PERMISSION]);

/** @throws EntraError `invalidRequest`, `scopeInvalid` or `unknownResource` */
export function readDelegatedAccess(
  request: Pick<TokenRequest, 'form' | 'version'>,
  resources: AudienceRule,
): RequestedAccess {
  const asked = readRequestedAccess(request, resources);
  const scopes = (request.form.get('scope') ?? '').split(' ');
  const access = { ...asked, openIdScopes: scopes.filter((scope) => OPEN_ID_SCOPES.has(scope)) };
  if (access.permissions.every((permission) => PERMISSIONS.has(permission))) return access;
  throw new EntraError('scopeInvalid', `The resource knows the permissions ${[...PERMISSIONS].join(' and ')}.`);
}

/**
 * What is asked for when something that was given before is redeemed: another resource perhaps, as Entra lets it be, and never more of OpenID
 * Connect than the person was asked for.
 * @throws EntraError
 */
export function renewedAccess(request: TokenRequest, { access }: Delegation, resources: AudienceRule): RequestedAccess {
  if (!request.form.has(request.version === 'v1' ? 'resource' : 'scope')) return access;
  return { ...readDelegatedAccess(request, resources), openIdScopes: access.openIdScopes };
}
