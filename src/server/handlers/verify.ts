import type { Call } from '../routes.ts';
import { decodeBase64url } from '../wire/base64url.ts';
import { type KeyVerifyBody, requireAlgorithm } from '../wire/key_operation.ts';
import { verifyResult } from '../wire/key_operation_result.ts';

export async function verify({ engine, key }: Call, body: KeyVerifyBody): Promise<string> {
  const digest = decodeBase64url('digest', body.digest);
  const signature = decodeBase64url('value', body.value);
  const { valid } = await engine.verify({ key, algorithm: requireAlgorithm(body.alg), digest, signature });
  return verifyResult(valid);
}
