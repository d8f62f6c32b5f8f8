import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../routes.ts';
import { decodeBase64url, decodeOptional } from '../wire/base64url.ts';
import { type KeyOperationBody, requireAlgorithm } from '../wire/key_operation.ts';
import { keyOperationResult } from '../wire/key_operation_result.ts';

export async function decrypt({ engine, key, authority }: Call, body: KeyOperationBody): Promise<string> {
  const { name, version, plaintext } = await engine.decrypt({
    key,
    algorithm: requireAlgorithm(body.alg),
    ciphertext: decodeBase64url('value', body.value),
    iv: decodeOptional('iv', body.iv),
    aad: decodeOptional('aad', body.aad),
    tag: decodeOptional('tag', body.tag),
  });
  try {
    return keyOperationResult(buildKeyIdentifier(authority, name, version), plaintext);
  } finally {
    plaintext.fill(0);
  }
}
