import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const VERSION = 'api-version=2026-04-01';

test.serial('tokens are listed, and told one by one, by name', async (t) => {
  const { status, json } = await server.request(`/tokens?${VERSION}`);
  t.is(status, 200);
  const [left] = json.tokens as object[];
  t.deepEqual(left, {
    name: 'left',
    state: 'healthy',
    profile: 'softhsm',
    hosts: 2,
    lanes: { perHost: 1, found: 'fixed' },
    inFlight: 0,
  });
  t.deepEqual((await server.request(`/tokens/left?${VERSION}`)).json as object, left);
});

test.serial('a token is drained, resumed, removed and added, and each is on record with its name', async (t) => {
  const before = server.audit.events.length;
  const drained = await server.request(`/tokens/left/drain?${VERSION}`, { method: 'POST' });
  t.is(drained.json.state, 'draining');
  t.is((await server.request(`/tokens/left/resume?${VERSION}`, { method: 'POST' })).json.state, 'healthy');
  t.is((await server.request(`/tokens/right?${VERSION}`, { method: 'DELETE' })).json.state, 'removed');
  const query = `${VERSION}&leaveKeys=true`;
  t.is((await server.request(`/tokens/right?${query}`, { method: 'DELETE' })).json.state, 'removed');
  t.is((await server.request(`/tokens/right?${VERSION}`, { method: 'PUT' })).json.state, 'healthy');
  const asked = ['drain left', 'resume left', 'remove right', 'remove with keys right', 'add right'];
  t.deepEqual(server.tokens.asked, asked);
  const events = server.audit.events.slice(before);
  const told = events.filter(({ result }) => result === 'Success').map(({ operation, target }) => [operation, target]);
  t.deepEqual(told, [
    ['TokenDrain', 'tokens/left'],
    ['TokenResume', 'tokens/left'],
    ['TokenRemove', 'tokens/right'],
    ['TokenRemove', 'tokens/right'],
    ['TokenAdd', 'tokens/right'],
  ]);
  t.is(events.filter(({ result }) => result === 'Pending').length, 5, 'and announced before');
});

test.serial('a name that no token has is a 404', async (t) => {
  for (const [method, path] of [
    ['GET', '/tokens/stranger'],
    ['POST', '/tokens/stranger/drain'],
    ['POST', '/tokens/stranger/resume'],
    ['DELETE', '/tokens/stranger'],
    ['PUT', '/tokens/stranger'],
    ['DELETE', '/tokens/..%2Fetc'],
  ] as const) {
    const { status, json } = await server.request(`${path}?${VERSION}`, { method });
    t.is(status, 404, path);
    t.is(json.error?.code, 'NotFound', path);
  }
});

test.serial('what is refused is a 409 with the reason', async (t) => {
  server.tokens.refusal = new StrongroomError('Conflict', 'No other.', { innerCode: 'LastToken' });
  t.teardown(() => {
    server.tokens.refusal = undefined;
  });
  const { status, json } = await server.request(`/tokens/left/drain?${VERSION}`, { method: 'POST' });
  t.is(status, 409);
  t.is(json.error?.innererror?.code, 'LastToken');
});

test.serial('leaveKeys is true or false', async (t) => {
  for (const leaveKeys of ['yes', '', 'TRUE', '1']) {
    const path = `/tokens/left?${VERSION}&leaveKeys=${leaveKeys}`;
    t.is((await server.request(path, { method: 'DELETE' })).status, 400, leaveKeys);
  }
  const twice = `/tokens/left?${VERSION}&leaveKeys=true&leaveKeys=true`;
  t.is((await server.request(twice, { method: 'DELETE' })).status, 400);
});

test.serial('tokens are operated before the pool is active, and looked at while it is being restored', async (t) => {
  server.securityDomain.isActive = false;
  t.is((await server.request(`/tokens/left/drain?${VERSION}`, { method: 'POST' })).status, 200);
  server.securityDomain.isActive = true;
  server.backups.isRestoring = true;
  t.teardown(() => {
    server.backups.isRestoring = false;
  });
  t.is((await server.request(`/tokens?${VERSION}`)).status, 200);
  t.is((await server.request(`/tokens/left/resume?${VERSION}`, { method: 'POST' })).status, 409);
});
