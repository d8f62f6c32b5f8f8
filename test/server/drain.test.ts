import test from 'ava';
import { TestServer } from './test_server.ts';

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
