import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../routes.ts';
import { decodeBase64url } from '../wire/base64url.ts';
import { type KeyOperationBody, requireAlgorithm } from '../wire/key_operation.ts';
import { keyOperationResult } from '../wire/key_operation_result.ts';

export async function wrapKey({ engine, key, authority }: Call, body: KeyOperationBody): Promise<string> {
  const algorithm = requireAlgorithm(body.alg);
  const plaintext = decodeBase64url('value', body.value);
  try {
    const { name, version, value } = await engine.wrapKey({ key, algorithm, value: plaintext });
    return keyOperationResult(buildKeyIdentifier(authority, name, version), value);
  } finally {
    plaintext.fill(0);
  }
}
