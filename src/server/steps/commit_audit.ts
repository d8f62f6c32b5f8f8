import type { StrongroomError } from '../../model/errors.ts';
import { auditEventsOf } from '../audit_events.ts';
import type { Exchange } from '../exchange.ts';
import { outcomeOf } from '../outcome.ts';
import type { Parts } from '../pipeline.ts';

/** Puts on record what was done, before anybody is told. When the log does not take it, there is no answer to give. */
export async function commitAudit(exchange: Exchange, parts: Parts): Promise<void> {
  try {
    await commit(exchange, undefined, parts);
  } catch (error) {
    exchange.answer = '';
    throw error;
  }
}

/** The same for what was refused. Gives what is to be answered: the refusal, or that of the log. */
export async function commitRefusal(exchange: Exchange, thrown: unknown, parts: Parts): Promise<unknown> {
  if (exchange.audit.state !== 'open') return thrown;
  try {
    await commit(exchange, outcomeOf(thrown), parts);
    return thrown;
  } catch (error) {
    return error;
  }
}

async function commit(exchange: Exchange, error: StrongroomError | undefined, { audit }: Parts): Promise<void> {
  exchange.audit.state = 'committed';
  const [first, ...others] = auditEventsOf(exchange, error).map((event) => audit.record(event));
  await (others.length === 0 ? first : Promise.all([first, ...others]));
}
