import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import { decodeBase64url } from '../wire/base64url.ts';
import { requireSecureWrapAlgorithm, type SecureUnwrapBody, secureKeyOperationResult } from '../wire/secure_wrap.ts';

/** To the environment that the attestation token speaks of. */
export async function secureUnwrapKey(
  { engine, key, authority, parts }: Call,
  body: SecureUnwrapBody,
): Promise<string> {
  const algorithm = requireSecureWrapAlgorithm(body.alg);
  const value = decodeBase64url('value', body.value);
  const attestation = await parts.attestations.verify(body.target);
  const unwrapped = await engine.secureUnwrapKey({ key, algorithm, value, attestation });
  const kid = buildKeyIdentifier(authority, unwrapped.name, unwrapped.version);
  return secureKeyOperationResult(kid, algorithm, unwrapped.value);
}
