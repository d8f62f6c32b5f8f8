import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import type { KeySignBody } from '../wire/key_operation.ts';
import { keyOperationResult } from '../wire/key_operation_result.ts';
import { readSign } from '../wire/operation_request.ts';

export async function sign({ engine, key, authority }: Call, body: KeySignBody): Promise<string> {
  const { name, version, signature } = await engine.sign(readSign(key, body));
  return keyOperationResult(buildKeyIdentifier(authority, name, version), signature);
}
