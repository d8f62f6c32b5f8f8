import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import { requireSecureWrapAlgorithm, type SecureWrapBody, secureKeyOperationResult } from '../wire/secure_wrap.ts';

/** A new key that nobody sees, wrapped. */
export async function secureWrapKey({ engine, key, authority }: Call, body: SecureWrapBody): Promise<string> {
  const algorithm = requireSecureWrapAlgorithm(body.alg);
  const { name, version, value } = await engine.secureWrapKey({ key, algorithm });
  return secureKeyOperationResult(buildKeyIdentifier(authority, name, version), algorithm, value);
}
