import { pendingEventOf } from '../audit_events.ts';
import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/**
 * What stays is on record before it is done: should the server end in between, the log shows who asked for it. What gives nothing away but
 * by its answer (a signature) is told of before that answer, which is enough, and before it is done as well where the operator wants that.
 */
export function announceAudit(exchange: Exchange, { audit, announced }: Parts): void | Promise<void> {
  const { changes, method } = exchange.route;
  const isAnnounced = changes || (announced === 'operations' && method !== 'GET');
  return isAnnounced ? audit.record(pendingEventOf(exchange)) : undefined;
}
