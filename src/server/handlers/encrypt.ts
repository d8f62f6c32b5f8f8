import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../routes.ts';
import { decodeBase64url, decodeOptional } from '../wire/base64url.ts';
import { type KeyOperationBody, requireAlgorithm } from '../wire/key_operation.ts';
import { encryptResult } from '../wire/key_operation_result.ts';

export async function encrypt({ engine, key, authority }: Call, body: KeyOperationBody): Promise<string> {
  const algorithm = requireAlgorithm(body.alg);
  const iv = decodeOptional('iv', body.iv);
  const aad = decodeOptional('aad', body.aad);
  const plaintext = decodeBase64url('value', body.value);
  try {
    const result = await engine.encrypt({ key, algorithm, plaintext, iv, aad });
    return encryptResult(buildKeyIdentifier(authority, result.name, result.version), result);
  } finally {
    plaintext.fill(0);
  }
}
