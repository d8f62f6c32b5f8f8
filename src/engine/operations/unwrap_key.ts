import type { OperationKind } from '../operation_kind.ts';
import type { DecryptResult, UnwrapKeyRequest } from '../requests.ts';
import { DecipherTask } from './decrypt.ts';

/** The same as decrypt, under the algorithms that wrap. */
export const UNWRAP_KEY: OperationKind<UnwrapKeyRequest, DecryptResult> = {
  operation: 'unwrapKey',
  index: 5,
  task: (parts, key, plan, { value, ...request }) =>
    new DecipherTask(parts, key, plan, { ...request, ciphertext: value }),
};
