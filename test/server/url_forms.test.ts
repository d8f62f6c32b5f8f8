import test from 'ava';
import { VERSION } from './fake_engine.ts';
import { POOL_HOST, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const SIGN = { alg: 'ES256', value: 'AQID' };

const GET_FORMS: readonly [path: string, version: string | undefined][] = [
  ['/keys/k1?api-version=7.4', undefined],
  ['/keys/k1/?api%2Dversion=2025-07-01', undefined],
  ['//keys//k1//?api-version=7.6', undefined],
  ['/KEYS/k1?api-version=2026-04-01', undefined],
  [`/keys/k1/${VERSION}?api-version=7.4`, VERSION],
  [`/keys/k1/${VERSION}/?api-version=7.4&other=1`, VERSION],
  ['/keys/%6b1?api-version=7.4', undefined],
];

for (const [path, version] of GET_FORMS) {
  test.serial(`GET ${path} asks for the key`, async (t) => {
    const { status } = await server.request(path);
    t.is(status, 200);
    t.deepEqual(server.engine.lastRequest, { name: 'k1', version });
  });
}

const SIGN_FORMS: readonly [path: string, version: string | undefined][] = [
  ['/keys/k1/sign', undefined],
  ['/keys/k1//sign', undefined],
  ['/keys/k1//Sign/', undefined],
  [`/keys/k1/${VERSION}/sign`, VERSION],
];

for (const [path, version] of SIGN_FORMS) {
  test.serial(`POST ${path} signs`, async (t) => {
    const { status } = await server.post(`${path}?api%2Dversion=2025-07-01`, SIGN);
    t.is(status, 200);
    t.like(server.engine.lastRequest, { key: { name: 'k1', version } });
  });
}

test('a key may have the name of an operation', async (t) => {
  const { status, json } = await server.request('/keys/sign?api-version=7.4');
  t.is(status, 200);
  t.regex(String((json.key as { kid: string }).kid), /\/keys\/sign\/[0-9a-f]{32}$/);
});

const KIDS: readonly [host: string, kidHost: string][] = [
  [`${POOL_HOST}:8443`, `${POOL_HOST}:8443`],
  [`${POOL_HOST}:443`, POOL_HOST],
  [POOL_HOST.toUpperCase(), POOL_HOST],
  ['localhost:8443', 'localhost:8443'],
  ['[::1]:8443', '[::1]:8443'],
];

for (const [host, kidHost] of KIDS) {
  test(`a key identifier begins with the host that the caller used: ${host}`, async (t) => {
    const { status, json } = await server.request('/keys/k1?api-version=7.4', { host });
    t.is(status, 200);
    t.is((json.key as { kid: string }).kid, `https://${kidHost}/keys/k1/${VERSION}`);
  });
}

test('a host that is not the pool is refused, once the caller is known', async (t) => {
  for (const host of ['other.managedhsm.localhost:8443', 'evil.example', 'a, b']) {
    const { status, json } = await server.request('/keys/k1?api-version=7.4', { host });
    t.is(status, 400);
    t.is(json.error?.code, 'BadParameter');
  }
});

for (const version of ['7.0', '7.1', '7.2', '7.3', '7.4', '7.5', '7.6', '7.4-preview.1', '2025-07-01', '2026-04-01']) {
  test(`api-version ${version} is served`, async (t) => {
    t.is((await server.request(`/keys/k1?api-version=${version}`)).status, 200);
  });
}

const BAD_VERSIONS: readonly [what: string, query: string, innerCode: string | undefined][] = [
  ['missing', '', 'MissingApiVersionParameter'],
  ['empty', '?api-version=', undefined],
  ['unknown', '?api-version=2019-01-01', undefined],
  ['given twice', '?api-version=7.4&api-version=7.4', undefined],
  ['followed by a NUL', '?api-version=7.4%00', undefined],
  ['that of another object', '?api-version=__proto__', undefined],
];

for (const [what, query, innerCode] of BAD_VERSIONS) {
  test(`an api-version that is ${what} is refused`, async (t) => {
    const { status, json } = await server.request(`/keys/k1${query}`);
    t.is(status, 400);
    t.is(json.error?.code, 'BadParameter');
    t.is(json.error?.innererror?.code, innerCode);
  });
}

const NOT_FOUND = [
  '/',
  '/nothing',
  '/keys/k1/create/more?api-version=7.4',
  '/keys/%zz',
  '/keys/k1/v/sign/x',
  '/settings/a/b',
  '/deletedkeys/a/b',
];

for (const path of NOT_FOUND) {
  test(`GET ${path} is not found`, async (t) => {
    const { status, json } = await server.request(path);
    t.is(status, 404);
    t.is(json.error?.code, 'NotFound');
  });
}

test('a method that a path does not have is refused with those that it has', async (t) => {
  const reply = await server.request(`/keys/k1/${VERSION}?api-version=7.4`, { method: 'DELETE' });
  t.is(reply.status, 405);
  t.is(reply.json.error?.code, 'MethodNotAllowed');
  t.is(reply.headers.allow, 'GET, PATCH');
});

test('HEAD is no method of any path, and has no body in answer', async (t) => {
  const reply = await server.request('/keys/k1?api-version=7.4', { method: 'HEAD' });
  t.is(reply.status, 405);
  t.is(reply.text, '');
  t.is(reply.headers.allow, 'PUT, GET, PATCH, DELETE');
});

const NAMED_RESTORE: readonly [method: string, path: string, body: unknown, operation: string][] = [
  ['POST', '/keys/restore', { value: 'AQID' }, 'restoreKey'],
  ['POST', '//keys/restore/', { value: 'AQID' }, 'restoreKey'],
  ['GET', '/keys/restore', undefined, 'getKey'],
  ['PATCH', '/keys/restore/', {}, 'updateKey'],
  ['PUT', '/keys/restore', { key: { kty: 'oct', k: 'AQID' } }, 'importKey'],
  ['DELETE', '/keys/restore', undefined, 'deleteKey'],
  ['POST', '/keys/restore/create', { kty: 'EC' }, 'createKey'],
  ['POST', '/keys/restore//sign', SIGN, 'sign'],
  ['POST', `/keys/restore/${VERSION}/sign`, SIGN, 'sign'],
  ['GET', '/keys/restore/versions', undefined, 'listKeyVersions'],
  ['GET', '/keys/versions/versions', undefined, 'listKeyVersions'],
  ['POST', '/keys/batch/rotate', undefined, 'rotateKey'],
  ['GET', '/deletedkeys/restore', undefined, 'getDeletedKey'],
];

for (const [method, path, body, operation] of NAMED_RESTORE) {
  test.serial(`${method} ${path} is told apart from what it looks like: ${operation}`, async (t) => {
    const url = `${path}?api-version=7.4`;
    const { status } =
      body === undefined ? await server.request(url, { method }) : await server.send(method, url, body);
    t.is(status, 200);
    t.is(server.engine.requests.at(-1)?.operation, operation);
  });
}

test.serial('a POST with X-HTTP-METHOD is the method that it names', async (t) => {
  const removed = await server.request('/deletedkeys/k1?api-version=7.4', {
    method: 'POST',
    headers: { 'x-http-method': 'delete', 'content-type': 'application/json' },
  });
  t.is(removed.status, 204);
  t.is(server.engine.requests.at(-1)?.operation, 'purgeKey');
  const updated = await server.post('/keys/k1?api-version=7.4', { tags: { a: 'b' } }, { 'x-http-method': 'PATCH' });
  t.is(updated.status, 200);
  t.is(server.engine.requests.at(-1)?.operation, 'updateKey');
});

test.serial('X-HTTP-METHOD changes neither another method than POST nor into another one', async (t) => {
  await server.request('/keys/k1?api-version=7.4', { headers: { 'x-http-method': 'DELETE' } });
  t.is(server.engine.requests.at(-1)?.operation, 'getKey');
  await server.post('/keys/k1/sign?api-version=7.4', SIGN, { 'x-http-method': 'PUT' });
  t.is(server.engine.requests.at(-1)?.operation, 'sign');
});

const BAD_NAMES = ['a_b', 'a%2fb', 'a.b', '%2e%2e', 'a%20', 'k'.repeat(128), 'k%00', '%ef%bc%ab1', 'a;x=1'];

for (const name of BAD_NAMES) {
  test(`the key name ${name.slice(0, 20)} is refused`, async (t) => {
    const { status, json } = await server.request(`/keys/${name}?api-version=7.4`);
    t.is(status, 400);
    t.is(json.error?.code, 'BadParameter');
    t.regex(json.error?.message ?? '', /for key-name/);
  });
}

test('a key version that is none is refused', async (t) => {
  for (const version of ['abc', VERSION.toUpperCase(), `${VERSION}0`]) {
    const { status, json } = await server.request(`/keys/k1/${version}?api-version=7.4`);
    t.is(status, 400);
    t.regex(json.error?.message ?? '', /for key-version/);
  }
});
