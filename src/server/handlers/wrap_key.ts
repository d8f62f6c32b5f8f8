import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import type { KeyOperationBody } from '../wire/key_operation.ts';
import { keyOperationResult } from '../wire/key_operation_result.ts';
import { readWrap } from '../wire/operation_request.ts';

export async function wrapKey({ engine, key, authority }: Call, body: KeyOperationBody): Promise<string> {
  const request = readWrap(key, body);
  try {
    const { name, version, value } = await engine.wrapKey(request);
    return keyOperationResult(buildKeyIdentifier(authority, name, version), value);
  } finally {
    request.value.fill(0);
  }
}
