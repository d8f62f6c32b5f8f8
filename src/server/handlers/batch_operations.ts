import type { Static, TSchema } from 'typebox';
import type { BatchItem, BatchResult, KeyReference } from '../../engine/requests.ts';
import type { DataAction } from '../../model/role.ts';
import { KEY_OPERATION, KEY_SIGN, KEY_VERIFY } from '../wire/key_operation.ts';
import { encryptResult, keyOperationResult, verifyResult } from '../wire/key_operation_result.ts';
import { readDecrypt, readEncrypt, readSign, readVerify, readWrap } from '../wire/operation_request.ts';
import type { Shape } from '../wire/shape.ts';

type Result = Extract<BatchResult, { ok: true }>['result'];

interface OperationRow<T extends TSchema> {
  readonly operation: BatchItem['operation'];
  readonly dataAction: DataAction;
  readonly body: Shape<T>;
  readonly read: (key: KeyReference, body: Static<T>) => BatchItem;
  /** The JSON with which the operation alone would be answered. */
  readonly write: (kid: string, result: Result) => string;
}

/** An operation that an item of a batch may name. */
export type BatchOperation = Omit<OperationRow<TSchema>, 'read'> & {
  readonly read: (key: KeyReference, body: unknown) => BatchItem;
};

function row<T extends TSchema>(operation: OperationRow<T>): BatchOperation {
  return operation as unknown as BatchOperation;
}

/** Results come in the order and of the kind of the items: each row writes those of its own operation alone. */
const ROWS: readonly BatchOperation[] = [
  row({
    operation: 'sign',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/sign/action',
    body: KEY_SIGN,
    read: (key, body) => ({ operation: 'sign', ...readSign(key, body) }),
    write: (kid, result) => keyOperationResult(kid, (result as { signature: Uint8Array }).signature),
  }),
  row({
    operation: 'verify',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/verify/action',
    body: KEY_VERIFY,
    read: (key, body) => ({ operation: 'verify', ...readVerify(key, body) }),
    write: (_kid, result) => verifyResult((result as { valid: boolean }).valid),
  }),
  row({
    operation: 'encrypt',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/encrypt/action',
    body: KEY_OPERATION,
    read: (key, body) => ({ operation: 'encrypt', ...readEncrypt(key, body) }),
    write: (kid, result) => encryptResult(kid, result as { ciphertext: Uint8Array }),
  }),
  row({
    operation: 'decrypt',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/decrypt/action',
    body: KEY_OPERATION,
    read: (key, body) => ({ operation: 'decrypt', ...readDecrypt(key, body) }),
    write: (kid, result) => keyOperationResult(kid, (result as { plaintext: Uint8Array }).plaintext),
  }),
  row({
    operation: 'wrapKey',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/wrap/action',
    body: KEY_OPERATION,
    read: (key, body) => ({ operation: 'wrapKey', ...readWrap(key, body) }),
    write: (kid, result) => keyOperationResult(kid, (result as { value: Uint8Array }).value),
  }),
  row({
    operation: 'unwrapKey',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/unwrap/action',
    body: KEY_OPERATION,
    read: (key, body) => ({ operation: 'unwrapKey', ...readWrap(key, body) }),
    write: (kid, result) => keyOperationResult(kid, (result as { plaintext: Uint8Array }).plaintext),
  }),
];

/** By their names in lower case: clients spell them as they like. */
export const BATCH_OPERATIONS: ReadonlyMap<string, BatchOperation> = new Map(
  ROWS.map((each) => [each.operation.toLowerCase(), each]),
);
