import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/** Says that it is done. Every success of this API so far is a 200 with a body. */
export function respond(exchange: Exchange, { headers, draining }: Parts): void {
  const { outgoing, answer, requestId, latencyMs, incoming } = exchange;
  const contentLength = Buffer.byteLength(answer);
  const list = headers.of({ requestId, latencyMs, contentLength, remoteAddress: incoming.socket.remoteAddress });
  if (draining()) list.push('connection', 'close');
  outgoing.writeHead(200, list);
  outgoing.end(answer);
}
