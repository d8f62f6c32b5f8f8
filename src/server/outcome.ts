import type { Logger } from 'pino';
import { ERROR_CATALOGUE, StrongroomError } from '../model/errors.ts';
import type { Exchange } from './exchange.ts';

const SERVER_ERROR = 500;

/** What is told of something that was thrown: what nobody foresaw is told to nobody but the log. */
export function outcomeOf(thrown: unknown): StrongroomError {
  if (thrown instanceof StrongroomError) return thrown;
  return new StrongroomError('InternalError', 'The request could not be completed.', { cause: thrown });
}

export function recordFailure({ requestId, target }: Exchange, error: StrongroomError, log: Logger): void {
  const facts = { requestId, operation: target.route?.operation, code: error.code };
  if (ERROR_CATALOGUE[error.code].status >= SERVER_ERROR) log.error({ ...facts, err: error }, 'request failed');
  else log.debug({ ...facts, reason: error.message }, 'request refused');
}
