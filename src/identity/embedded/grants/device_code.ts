import { identifyClient } from '../client_identity.ts';
import { checkDelegation, delegatedTokens } from '../delegated_tokens.ts';
import { requiredParameter } from '../token_request.ts';
import type { Grant } from './grant.ts';

/** A device asks whether its person has decided yet (RFC 8628 §3.4). */
export const deviceCode: Grant = async (request, parts) => {
  const code = requiredParameter(request.form, 'device_code');
  const client = await identifyClient(request, parts);
  const delegation = await parts.deviceCodes.redeem(code, client.application.clientId);
  checkDelegation(delegation, client, request, parts.directory.current);
  const refreshToken = await parts.delegations.start(delegation);
  return delegatedTokens(request, parts, client, { delegation, refreshToken });
};
