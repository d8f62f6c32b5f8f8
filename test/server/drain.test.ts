import { once } from 'node:events';
import { connect } from 'node:tls';
import test from 'ava';
import { POOL_HOST, TestServer } from './test_server.ts';

test('a server that stops answers what is in flight, closes the connection and takes no more', async (t) => {
  const server = await TestServer.open();
  await server.accessToken();
  let release = (): void => undefined;
  server.engine.gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const inFlight = server.request('/keys/k1?api-version=7.4');
  while (server.engine.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const closed = server.server.close();
  await t.throwsAsync(server.request('/keys/k1?api-version=7.4'), { code: 'ECONNREFUSED' });
  release();
  const { status, headers } = await inFlight;
  t.is(status, 200);
  t.is(headers.connection, 'close');
  await closed;
});

test('of requests that wait behind others on their connection a server that stops does nothing', async (t) => {
  const server = await TestServer.open();
  const { promise, resolve: release } = Promise.withResolvers<void>();
  server.engine.gate = promise;
  const head = `host: ${POOL_HOST}\r\nauthorization: Bearer ${await server.accessToken()}\r\n`;
  const socket = connect({ host: '127.0.0.1', port: server.port, servername: POOL_HOST, ca: server.authority });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  const ended = once(socket, 'close');
  socket.write(`GET /keys/k1?api-version=7.4 HTTP/1.1\r\n${head}\r\n`.repeat(3));
  while (server.engine.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const closed = server.server.close();
  release();
  await Promise.all([ended, closed]);
  t.is(received.match(/HTTP\/1\.1 200 /g)?.length, 1);
  t.is(server.engine.requests.length, 1);
});
