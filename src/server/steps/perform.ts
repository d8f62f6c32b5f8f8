import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/** Does it. */
export async function perform(exchange: Exchange, parts: Parts): Promise<void> {
  exchange.answer = await exchange.route.handler(
    { engine: parts.engine, key: exchange.key, authority: exchange.authority, exchange, parts },
    exchange.body,
  );
}
