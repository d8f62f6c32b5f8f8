import test from 'ava';
import { DOMAIN, LOGIN_HOST, POOL_HOST, TENANT, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const challengeFor = (port: string) =>
  `Bearer authorization="https://${LOGIN_HOST}${port}/${TENANT}", resource="https://${DOMAIN}${port}"`;

const REQUESTS: readonly [what: string, method: string, path: string][] = [
  ['a key', 'GET', '/keys/k1/?api%2Dversion=2025-07-01'],
  ['a create', 'POST', '/keys/k1/create?api-version=7.4'],
  ['a request without api-version', 'POST', '/rng'],
  ['an api-version that nobody knows', 'POST', '/rng?api-version=1'],
  ['a path that nobody serves', 'GET', '/nothing/here'],
  ['a method that the path does not have', 'DELETE', '/rng?api-version=7.4'],
  ['a method that nobody knows', 'PROPFIND', '/keys'],
  ['a malformed path', 'GET', '/keys/%zz'],
  ['a path with a very long part', 'GET', `/keys/${'k'.repeat(4000)}`],
  ['a role path', 'GET', '///providers/Microsoft.Authorization/roleDefinitions?api-version=7.4'],
];

for (const [what, method, path] of REQUESTS) {
  test(`${what} without access token gets the challenge and an empty body`, async (t) => {
    const { status, headers, text } = await server.request(path, { method, authenticated: false });
    t.is(status, 401);
    t.is(text, '');
    t.is(headers['www-authenticate'], challengeFor(`:${server.port}`));
    t.is(headers['content-type'], 'application/json; charset=utf-8');
    t.is(headers['content-length'], '0');
    t.is(headers['x-ms-keyvault-region'], undefined);
  });
}

test('a body is not looked at before the challenge', async (t) => {
  for (const headers of [
    { 'content-type': 'application/json' },
    { 'content-type': 'text/plain' },
    { 'content-type': '///' },
  ]) {
    const reply = await server.request('/keys/k1/create?api-version=7.4', {
      method: 'POST',
      authenticated: false,
      headers,
      body: '{not json',
    });
    t.is(reply.status, 401);
    t.is(reply.headers['www-authenticate'], challengeFor(`:${server.port}`));
  }
  t.false(server.engine.requests.some(({ operation }) => operation === 'createKey'));
});

const HOSTS: readonly [host: string, port: string][] = [
  [`${POOL_HOST}:8443`, ':8443'],
  [`${POOL_HOST}:9443`, ':9443'],
  [POOL_HOST, ''],
  [`${POOL_HOST}:443`, ''],
  [POOL_HOST.toUpperCase(), ''],
  ['localhost:8443', ':8443'],
  ['127.0.0.1:8443', ':8443'],
  ['[::1]:8443', ':8443'],
  // Nothing of a foreign name is repeated: not the name, and not the port either.
  ['evil.example:1234', ':8443'],
  [`other.${DOMAIN}:1234`, ':8443'],
  ['"quoted":1', ':8443'],
];

for (const [host, port] of HOSTS) {
  test(`the resource for Host ${host} is the domain with the port ${port === '' ? 'left out' : port}`, async (t) => {
    const { status, headers } = await server.request('/keys/k1', { host, authenticated: false });
    t.is(status, 401);
    t.is(headers['www-authenticate'], challengeFor(port));
  });
}

const NOT_BEARER: readonly [what: string, authorization: string | string[]][] = [
  ['no access token', 'Bearer'],
  ['another scheme', 'Basic YTpi'],
  ['two tokens in one header', 'Bearer a, Bearer b'],
  ['a token with a blank in it', 'Bearer a b'],
  ['a token that is too long', `Bearer ${'a'.repeat(15 * 1024)}.b.c`],
  ['something that is no token', 'Bearer abc'],
];

for (const [what, authorization] of NOT_BEARER) {
  test(`an Authorization header with ${what} gets the challenge`, async (t) => {
    const { status, headers, text } = await server.request('/keys/k1?api-version=7.4', {
      authenticated: false,
      headers: { authorization },
    });
    t.is(status, 401);
    t.is(text, '');
    t.is(headers['www-authenticate'], challengeFor(`:${server.port}`));
  });
}

test('the scheme of the Authorization header is the same in lower case', async (t) => {
  const { status } = await server.request('/keys/k1?api-version=7.4', {
    authenticated: false,
    headers: { authorization: `bearer ${await server.accessToken()}` },
  });
  t.is(status, 200);
});

test('of two Authorization headers none is taken', async (t) => {
  const token = `Bearer ${await server.accessToken()}`;
  const { status } = await server.request('/keys/k1?api-version=7.4', {
    authenticated: false,
    headers: { authorization: [token, 'Bearer x'] },
  });
  t.is(status, 401);
});
