import type { Exchange } from '../exchange.ts';
import { NotedEngine } from '../noted_engine.ts';
import type { Parts } from '../pipeline.ts';
import { requireNoRestore } from './refuse_during_restore.ts';

/** Does it. What changes something does so in the pool that it was let into: a restore may have begun, or replaced it, while its body came. */
export async function perform(exchange: Exchange, parts: Parts): Promise<void> {
  const { route, epoch } = exchange;
  const engine = new NotedEngine(parts.engine, exchange.audit);
  const handle = () =>
    route.handler({ engine, key: exchange.key, authority: exchange.authority, exchange, parts }, exchange.body);
  if (!route.changes) {
    exchange.answer = await handle();
    return;
  }
  requireNoRestore(exchange, parts);
  exchange.answer = await parts.epoch.through(epoch, handle);
}
