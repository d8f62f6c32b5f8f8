import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import type { KeyOperationBody } from '../wire/key_operation.ts';
import { keyOperationResult } from '../wire/key_operation_result.ts';
import { readWrap } from '../wire/operation_request.ts';

export async function unwrapKey({ engine, key, authority }: Call, body: KeyOperationBody): Promise<string> {
  const { name, version, plaintext } = await engine.unwrapKey(readWrap(key, body));
  try {
    return keyOperationResult(buildKeyIdentifier(authority, name, version), plaintext);
  } finally {
    plaintext.fill(0);
  }
}
