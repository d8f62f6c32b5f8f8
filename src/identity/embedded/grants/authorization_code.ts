import { createHash } from 'node:crypto';
import type { ClientAuthentication } from '../client_authenticator.ts';
import { identifyClient } from '../client_identity.ts';
import { checkDelegation, delegatedTokens } from '../delegated_tokens.ts';
import { EntraError } from '../entra_error.ts';
import { requiredParameter } from '../token_request.ts';
import type { Grant } from './grant.ts';

const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/** An application redeems the code that a person's browser has brought it (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export const authorizationCode: Grant = async (request, parts) => {
  const { form } = request;
  const code = requiredParameter(form, 'code');
  const client = await identifyClient(request, parts);
  const redeemed = await parts.delegations.redeemCode(code, (delegation) => {
    checkDelegation(delegation, client, request, parts.directory.current);
    if (form.get('redirect_uri') !== delegation.redirectUri) {
      throw new EntraError('redirectUriDifferent', 'The redirect URI is not the one that the code was sent to.');
    }
    checkVerifier(form.get('code_verifier'), delegation.challenge, client.authentication);
  });
  return delegatedTokens(request, parts, client, redeemed);
};

/** A verifier where there was no challenge is refused too: somebody may have taken the challenge out (RFC 9700 §2.1.1). */
function checkVerifier(
  verifier: string | null,
  challenge: string | undefined,
  authentication: ClientAuthentication,
): void {
  const derived =
    verifier !== null && VERIFIER.test(verifier) ? createHash('sha256').update(verifier).digest('base64url') : null;
  const isRight = challenge === undefined ? verifier === null && authentication !== 'none' : derived === challenge;
  if (isRight) return;
  throw new EntraError(
    'verifierWrong',
    'The code_verifier does not match the code_challenge of the authorization request.',
  );
}
