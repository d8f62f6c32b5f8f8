import type { Job } from '../backup/job.ts';
import type { Call } from './route.ts';

const POLL_SECONDS = '5';

/** Says where the state of a job that has been begun is told. */
export function tellWhereItIsPending({ exchange, authority }: Call, what: 'backup' | 'restore', { id }: Job): void {
  const status = `https://${authority}/${what}/${id}/pending`;
  exchange.answerHeaders = ['azure-asyncoperation', status, 'retry-after', POLL_SECONDS];
}
