import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../routes.ts';
import { decodeBase64url } from '../wire/base64url.ts';
import { type KeyOperationBody, requireAlgorithm } from '../wire/key_operation.ts';
import { keyOperationResult } from '../wire/key_operation_result.ts';

export async function unwrapKey({ engine, key, authority }: Call, body: KeyOperationBody): Promise<string> {
  const value = decodeBase64url('value', body.value);
  const { name, version, plaintext } = await engine.unwrapKey({ key, algorithm: requireAlgorithm(body.alg), value });
  try {
    return keyOperationResult(buildKeyIdentifier(authority, name, version), plaintext);
  } finally {
    plaintext.fill(0);
  }
}
