import type { BatchItem, BatchResult } from '../../engine/requests.ts';
import { badParameter, StrongroomError } from '../../model/errors.ts';
import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import { keyScope } from '../../model/scope.ts';
import { hangUpSignal } from '../hang_up.ts';
import { outcomeOf, recordFailure } from '../outcome.ts';
import type { Call } from '../route.ts';
import { BATCH_ITEM, type BatchBody, batchBody, batchFailure, batchSuccess, referenceOf } from '../wire/batch.ts';
import { BATCH_OPERATIONS, type BatchOperation } from './batch_operations.ts';

/** One that the engine is asked to do. */
interface Accepted {
  readonly place: number;
  readonly reference: string;
  readonly operation: BatchOperation;
  readonly item: BatchItem;
}

/**
 * Many operations with one key. Each item is looked at, authorised and answered as if it had come alone, so what is wrong with one is told
 * in its own answer and changes nothing for the others. A caller who hangs up ends those that have not begun.
 */
export async function batch(call: Call, { operations }: BatchBody): Promise<string> {
  const { engine, authority, exchange } = call;
  const answers = new Array<string>(operations.length);
  const accepted: Accepted[] = [];
  const allowed = new Map<BatchOperation, boolean>();
  const signal = hangUpSignal(exchange.outgoing);
  try {
    for (const [place, value] of operations.entries()) {
      let operation: BatchOperation | undefined;
      try {
        const { reference, operation: named } = readItem(value);
        operation = named;
        requireAllowed(call, operation, allowed);
        const item = { ...operation.read(call.key, operation.body.check(value)), signal };
        accepted.push({ place, reference, operation, item });
      } catch (error) {
        answers[place] = failure(call, referenceOf(value), error, operation);
      }
    }
    const results = await engine.batch(accepted.map(({ item }) => item));
    for (const [index, { place, reference, operation, item }] of accepted.entries()) {
      const outcome = results[index] as BatchResult;
      if (outcome.ok) {
        const { name, version } = outcome.result;
        const kid = buildKeyIdentifier(authority, name, version);
        noteItem(call, operation, version, item.algorithm);
        answers[place] = batchSuccess(reference, operation.write(kid, outcome.result));
        zeroise(outcome.result);
      } else answers[place] = failure(call, reference, outcome.error, operation, item.algorithm);
    }
  } finally {
    for (const { item } of accepted) zeroise(item);
  }
  return batchBody(answers);
}

function readItem(value: unknown): { reference: string; operation: BatchOperation } {
  const { reference, operation: name } = BATCH_ITEM.check(value);
  const operation = BATCH_OPERATIONS.get(name.toLowerCase());
  if (operation === undefined) {
    const names = [...BATCH_OPERATIONS.values()].map((each) => each.operation).join(', ');
    throw badParameter('operation', names, name);
  }
  return { reference, operation };
}

/** Asks once for all items that do the same. @throws StrongroomError `AccessDenied` */
function requireAllowed(
  { key, exchange, parts }: Call,
  row: BatchOperation,
  known: Map<BatchOperation, boolean>,
): void {
  const { principal } = exchange;
  if (principal === undefined) throw new TypeError('Nobody has been authenticated.');
  const target = keyScope(key.name);
  let allowed = known.get(row);
  if (allowed === undefined) {
    allowed = parts.roles.authorizer.allows(principal, row.dataAction, target);
    known.set(row, allowed);
  }
  if (!allowed) throw new StrongroomError('AccessDenied', `Not authorized to access ${row.dataAction} on ${target}`);
}

function failure(
  { exchange, key, parts }: Call,
  reference: string | undefined,
  thrown: unknown,
  row: BatchOperation | undefined,
  algorithm?: string,
): string {
  const error = outcomeOf(thrown);
  recordFailure(exchange, error, parts.log);
  noteItem({ exchange }, row, key.version, algorithm, error);
  return batchFailure(reference, error, exchange.requestId);
}

/** Each item is an event of its own; one that names no operation is called what the request is. */
function noteItem(
  { exchange }: Pick<Call, 'exchange'>,
  row: BatchOperation | undefined,
  keyVersion: string | undefined,
  algorithm: string | undefined,
  error?: StrongroomError,
): void {
  const { operation, dataAction } = row ?? { operation: 'batch', dataAction: undefined };
  exchange.audit.items.push({ operation, dataAction, keyVersion, algorithm, error });
}

/** Which of the bytes are secrets is the operation's matter; here all of them go. */
function zeroise(holder: object): void {
  for (const value of Object.values(holder)) if (value instanceof Uint8Array) value.fill(0);
}
