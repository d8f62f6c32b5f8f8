import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/** Says that it is done. */
export function respond(exchange: Exchange, { headers, draining }: Parts): void {
  const { outgoing, answer, requestId, latencyMs, origin, network, route } = exchange;
  const contentLength = route.status === 204 ? undefined : Buffer.byteLength(answer);
  const list = headers.of({ requestId, latencyMs, contentLength, origin, network });
  if (exchange.answerHeaders.length > 0) list.push(...exchange.answerHeaders);
  if (draining()) list.push('connection', 'close');
  outgoing.writeHead(route.status, list);
  outgoing.end(answer);
}
