import { batch } from '../handlers/batch.ts';
import { BATCH_OPERATIONS } from '../handlers/batch_operations.ts';
import { keyOperation, type Route } from '../route.ts';
import { BATCH } from '../wire/batch.ts';

/** Many operations with one key in one request (docs/api.md). Azure has nothing like it. */
export const BATCH_ROUTES: readonly Route[] = [
  keyOperation('batch', {
    operation: 'batch',
    dataAction: [...BATCH_OPERATIONS.values()].map(({ dataAction }) => dataAction),
    body: BATCH,
    handler: batch,
  }),
];
