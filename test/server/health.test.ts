import test from 'ava';
import { TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

test.serial('readiness is told to everybody', async (t) => {
  const { status, json } = await server.request('/health/ready', { authenticated: false, host: '10.0.0.1' });
  t.is(status, 200);
  t.deepEqual(json as unknown, { status: 'ready' });
});

test.serial('readiness tells whether the pool waits for its security domain', async (t) => {
  server.readiness = { ready: true, activation: 'NotActivated' };
  const { json } = await server.request('/health/ready', { authenticated: false });
  t.deepEqual(json as unknown, { status: 'ready', activation: 'NotActivated' });
});

test.serial('a server that is not ready says so with a 503', async (t) => {
  server.readiness = { ready: false, reason: 'no token' };
  const { status, json, headers } = await server.request('/health/ready', { authenticated: false });
  t.is(status, 503);
  t.is(headers['retry-after'], '1');
  t.deepEqual(json as unknown, { status: 'notReady', reason: 'no token' });
});
