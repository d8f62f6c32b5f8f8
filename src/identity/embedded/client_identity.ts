import type { AuthenticatedClient } from './client_authenticator.ts';
import { EntraError } from './entra_error.ts';
import type { GrantParts } from './grants/grant.ts';
import { findClient } from './known_client.ts';
import { requiredParameter, type TokenRequest } from './token_request.ts';

const CREDENTIALS = ['client_secret', 'client_assertion', 'client_assertion_type'] as const;

/**
 * Who asks in the name of a person: a client that shows who it is, or one that is registered as having no secret (RFC 6749 §2.1).
 * @throws EntraError
 */
export async function identifyClient(
  request: TokenRequest,
  { directory, clients }: Pick<GrantParts, 'directory' | 'clients'>,
): Promise<AuthenticatedClient> {
  const { form, authorization, tenant } = request;
  if (authorization !== undefined || CREDENTIALS.some((name) => form.has(name))) return clients.authenticate(request);
  const client = findClient(directory.current, tenant, requiredParameter(form, 'client_id'));
  if (client.application.isPublicClient) return { ...client, authentication: 'none' };
  const message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
  throw new EntraError('secretMissing', message);
}
