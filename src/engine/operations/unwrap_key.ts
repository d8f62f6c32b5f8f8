import type { OperationKind } from '../operation_kind.ts';
import type { DecryptResult, UnwrapKeyRequest } from '../requests.ts';
import { type BesideCiphertext, DecipherTask } from './decrypt.ts';

const NOTHING_BESIDE: BesideCiphertext = {};

/** The same as decrypt, under the algorithms that wrap. */
export const UNWRAP_KEY: OperationKind<UnwrapKeyRequest, DecryptResult> = {
  operation: 'unwrapKey',
  task: (parts, key, plan, request) => new DecipherTask(parts, key, plan, request, request.value, NOTHING_BESIDE),
};
