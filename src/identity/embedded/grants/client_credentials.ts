import { EntraError } from '../entra_error.ts';
import { DEFAULT_PERMISSION, readRequestedAccess } from '../requested_access.ts';
import { tokenResponse } from '../token_response.ts';
import type { Grant } from './grant.ts';

/** An application asks for itself (RFC 6749 §4.4): for what it was given, which has no name but `.default`. */
export const clientCredentials: Grant = async (request, { directory, clients, mint, resources }) => {
  const { audience, permissions, openIdScopes } = readRequestedAccess(request, resources);
  const [permission, ...more] = permissions;
  if (permission !== DEFAULT_PERMISSION || more.length > 0 || openIdScopes.length > 0) {
    throw new EntraError('scopeInvalid', 'The scope must be one resource with /.default after it.');
  }
  const { servicePrincipal, authentication } = await clients.authenticate(request);
  const { id: objectId, clientId } = servicePrincipal;
  const minted = await mint.accessToken({
    request,
    audience,
    client: { clientId, authentication },
    subject: { kind: 'application', objectId },
    groups: directory.current.groupsOf(objectId),
  });
  return tokenResponse(request, minted, audience);
};
