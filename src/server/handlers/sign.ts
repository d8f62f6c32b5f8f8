import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../routes.ts';
import { decodeBase64url } from '../wire/base64url.ts';
import { type KeySignBody, requireAlgorithm } from '../wire/key_operation.ts';
import { keyOperationResult } from '../wire/key_operation_result.ts';

export async function sign({ engine, key, authority }: Call, body: KeySignBody): Promise<string> {
  const digest = decodeBase64url('value', body.value);
  const { name, version, signature } = await engine.sign({ key, algorithm: requireAlgorithm(body.alg), digest });
  return keyOperationResult(buildKeyIdentifier(authority, name, version), signature);
}
