import fastify from 'fastify';
import { Listeners } from '../../src/server/listeners.ts';
import { readBody } from '../../src/server/read_body.ts';
import type { TlsIdentity } from '../../src/server/tls/tls_options.ts';

/** As long as the answer to a sign request with its signature and key identifier. */
const ANSWER = JSON.stringify({ kid: 'x'.repeat(90), value: 'x'.repeat(86) });
const HEADERS = ['content-type', 'application/json; charset=utf-8', 'content-length', String(ANSWER.length)];
const OK = 200;

/**
 * What the same listeners, TLS and fastify give when nothing is done: a handler that takes in the body and sends a constant. It is served
 * by the process of the real server.
 */
export async function listenForNothing(identity: TlsIdentity): Promise<Listeners> {
  const app = fastify({ logger: false });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.post('/null', (request, reply) => {
    reply.hijack();
    readBody(request.raw).then(
      () => {
        reply.raw.writeHead(OK, HEADERS);
        reply.raw.end(ANSWER);
      },
      (error: Error) => reply.raw.destroy(error),
    );
  });
  await app.ready();
  return await Listeners.open({
    addresses: [{ host: '127.0.0.1', port: 0, mayBeAbsent: false }],
    identity,
    onRequest: (incoming, outgoing) => app.routing(incoming, outgoing),
    privateAddresses: [],
    proxyAddresses: [],
    trustedProxies: [],
    onBrokenRequest: ({ socket }) => socket.destroy(),
    onError: (error) => console.error(error),
    onRefused: (peer, reason) => console.error(peer, reason),
  });
}
