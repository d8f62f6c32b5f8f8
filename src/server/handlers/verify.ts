import type { Call } from '../route.ts';
import type { KeyVerifyBody } from '../wire/key_operation.ts';
import { verifyResult } from '../wire/key_operation_result.ts';
import { readVerify } from '../wire/operation_request.ts';

export async function verify({ engine, key }: Call, body: KeyVerifyBody): Promise<string> {
  const { valid } = await engine.verify(readVerify(key, body));
  return verifyResult(valid);
}
