import { ERROR_CATALOGUE, type StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Exchange } from '../exchange.ts';
import { outcomeOf, recordFailure } from '../outcome.ts';
import type { Parts } from '../pipeline.ts';
import { announcesTooMuch } from '../read_body.ts';
import { errorBody } from '../wire/error_body.ts';

const RETRY_SOON_SECONDS = 1;
const RETRY_LATER_SECONDS = 30;

/** Says that it is not done: where every step that throws ends up. */
export function refuse(exchange: Exchange, thrown: unknown, parts: Parts): void {
  const { outgoing, incoming, requestId } = exchange;
  const error = outcomeOf(thrown);
  recordFailure(exchange, error, parts.log);
  if (outgoing.headersSent || outgoing.destroyed) return;
  const { status } = ERROR_CATALOGUE[error.code];
  const isChallenge = error.code === 'Unauthorized';
  const body = isChallenge ? '' : errorBody(error, requestId);
  const facts = {
    requestId,
    latencyMs: exchange.latencyMs,
    contentLength: Buffer.byteLength(body),
    origin: exchange.origin,
    network: exchange.network,
  };
  const headers = isChallenge ? parts.headers.ofUnauthorized(facts) : parts.headers.of(facts);
  if (isChallenge) headers.push('www-authenticate', exchange.host.challenge);
  if (status === 429 || status === 503) headers.push('retry-after', String(retryAfterSeconds(error)));
  if (error.code === 'MethodNotAllowed') headers.push('allow', (exchange.target.allowedMethods ?? []).join(', '));
  if (
    parts.draining() ||
    error.code === 'PayloadTooLarge' ||
    announcesTooMuch(incoming, exchange.target.route?.bodyBytes ?? LIMITS.requestBodyBytes)
  )
    headers.push('connection', 'close');
  outgoing.writeHead(status, headers);
  outgoing.end(body);
}

function retryAfterSeconds(error: StrongroomError): number {
  if (error.retryAfterMs !== undefined) return Math.max(1, Math.ceil(error.retryAfterMs / 1000));
  return ERROR_CATALOGUE[error.code].retryable ? RETRY_SOON_SECONDS : RETRY_LATER_SECONDS;
}
