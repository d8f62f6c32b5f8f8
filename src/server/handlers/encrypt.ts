import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import type { Call } from '../route.ts';
import type { KeyOperationBody } from '../wire/key_operation.ts';
import { encryptResult } from '../wire/key_operation_result.ts';
import { readEncrypt } from '../wire/operation_request.ts';

export async function encrypt({ engine, key, authority }: Call, body: KeyOperationBody): Promise<string> {
  const request = readEncrypt(key, body);
  try {
    const result = await engine.encrypt(request);
    return encryptResult(buildKeyIdentifier(authority, result.name, result.version), result);
  } finally {
    request.plaintext.fill(0);
  }
}
