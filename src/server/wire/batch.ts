import { type Static, Type } from 'typebox';
import { ERROR_CATALOGUE, type StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { errorMembers } from './error_body.ts';
import { Shape } from './shape.ts';

/** The envelope of a batch (docs/api.md); its items are looked at one by one, so that one that is malformed spoils no other. */
export const BATCH = new Shape(
  Type.Object(
    {
      operations: Type.Array(Type.Unknown(), {
        minItems: 1,
        maxItems: LIMITS.batchItems,
        expected: `a list of 1 to ${LIMITS.batchItems} operations`,
      }),
    },
    { expected: 'a JSON object' },
  ),
);
export type BatchBody = Static<typeof BATCH.schema>;

/** What all items have; the rest is that of the operation's own request. */
export const BATCH_ITEM = new Shape(
  Type.Object(
    {
      reference: Type.String({
        maxLength: LIMITS.batchReferenceCharacters,
        expected: `a text of at most ${LIMITS.batchReferenceCharacters} characters`,
      }),
      operation: Type.String({ expected: 'the name of an operation' }),
    },
    { expected: 'an object' },
  ),
  'an item of operations',
);

/** What the caller calls this item, or nothing when it says nothing that can be repeated. */
export function referenceOf(item: unknown): string | undefined {
  const reference = (item as { reference?: unknown } | null)?.reference;
  return typeof reference === 'string' && reference.length <= LIMITS.batchReferenceCharacters ? reference : undefined;
}

/** `result`: the JSON with which the operation alone would have been answered. */
export function batchSuccess(reference: string, result: string): string {
  return `{"reference":${JSON.stringify(reference)},"status":200,"result":${result}}`;
}

export function batchFailure(reference: string | undefined, error: StrongroomError, requestId: string): string {
  const { status } = ERROR_CATALOGUE[error.code];
  return JSON.stringify({ reference: reference ?? null, status, error: errorMembers(error, requestId) });
}

export function batchBody(results: readonly string[]): string {
  return `{"results":[${results.join(',')}]}`;
}
