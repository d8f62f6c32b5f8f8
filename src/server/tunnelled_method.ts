import type { IncomingMessage } from 'node:http';

const TUNNELLED: ReadonlySet<string | undefined> = new Set(['PATCH', 'DELETE']);

/**
 * For callers whose way lets no other method through than POST: the one in `X-HTTP-METHOD` is meant (Azure API §1.2, 10). It is put in
 * place before anybody has looked at the request, so that the whole way of a request is that of the method that is meant.
 */
export function takeTunnelledMethod(incoming: IncomingMessage): void {
  if (incoming.method !== 'POST') return;
  const meant = incoming.headers['x-http-method'];
  if (typeof meant !== 'string') return;
  const method = meant.toUpperCase();
  if (TUNNELLED.has(method)) incoming.method = method;
}
