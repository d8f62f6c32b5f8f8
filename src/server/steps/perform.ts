import type { Exchange } from '../exchange.ts';
import { NotedEngine } from '../noted_engine.ts';
import type { Parts } from '../pipeline.ts';

/** Does it. */
export async function perform(exchange: Exchange, parts: Parts): Promise<void> {
  const engine = new NotedEngine(parts.engine, exchange.audit);
  exchange.answer = await exchange.route.handler(
    { engine, key: exchange.key, authority: exchange.authority, exchange, parts },
    exchange.body,
  );
}
