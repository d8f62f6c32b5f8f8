import { identifyClient } from '../client_identity.ts';
import { checkDelegation, delegatedTokens } from '../delegated_tokens.ts';
import { requiredParameter } from '../token_request.ts';
import type { Grant } from './grant.ts';

/** An application goes on acting for a person who is not asked again (RFC 6749 §6). */
export const refreshToken: Grant = async (request, parts) => {
  const text = requiredParameter(request.form, 'refresh_token');
  const client = await identifyClient(request, parts);
  const rotated = await parts.delegations.rotate(text, (delegation) =>
    checkDelegation(delegation, client, request, parts.directory.current),
  );
  return delegatedTokens(request, parts, client, rotated);
};
