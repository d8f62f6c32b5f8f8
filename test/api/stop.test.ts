import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import test from 'ava';
import { RunningServer } from './running_server.ts';

test('SIGTERM lets requests in flight be answered, takes no more, and ends with 0', async (t) => {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  const headers = { authorization: `Bearer ${await server.accessToken()}`, 'content-type': 'application/json' };
  const ca = readFileSync(server.environment.NODE_EXTRA_CA_CERTS ?? '');
  const asked = request(`${server.url}/keys/k1/create?api-version=7.4`, {
    method: 'POST',
    headers: { ...headers, expect: '100-continue' },
    ca,
    agent: false,
  });
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  asked.flushHeaders();
  // The server has the request, and waits for its body: now it is in flight.
  await once(asked, 'continue');
  const stopped = server.stop();
  while (await accepts(server.port)) await new Promise((resolve) => setTimeout(resolve, 20));
  asked.end(JSON.stringify({ kty: 'RSA', key_size: 2048 }));
  const [response] = await answered;
  response.resume();
  t.is(response.statusCode, 200);
  t.is(response.headers.connection, 'close');
  t.deepEqual(await stopped, { code: 0, signal: null });
  t.regex(server.output, /Strongroom has stopped\./);
});

/** Whether the port takes connections. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

test('SIGINT stops the server as well', async (t) => {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  t.deepEqual(await server.stop('SIGINT'), { code: 0, signal: null });
});
