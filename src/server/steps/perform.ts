import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/** Does it. */
export async function perform(exchange: Exchange, { engine }: Parts): Promise<void> {
  exchange.answer = await exchange.route.handler(
    { engine, key: exchange.key, authority: exchange.authority },
    exchange.body,
  );
}
