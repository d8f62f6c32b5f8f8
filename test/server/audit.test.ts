import test from 'ava';
import { auditOperation } from '../../src/model/audit_event.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { ROUTES } from '../../src/server/routes.ts';
import { VERSION } from './fake_engine.ts';
import { POOL_HOST, TENANT, TestServer } from './test_server.ts';

const server = await TestServer.open();
const encryptionUser = await TestServer.open((principalId) => [
  { principalId, roleDefinitionId: '33413926-3206-4cdd-b39a-83574fe37a17', scope: '/keys/k1' },
]);
test.after.always(() => Promise.all([server, encryptionUser].map((each) => each.server.close())));

const QUERY = '?api-version=7.6';
const SECRET = 'c2VjcmV0IGJ5dGVzIHRoYXQgbm9ib2R5IGlzIHRvIHNlZQ';
const ES256 = { alg: 'ES256', value: SECRET };
const SIGN = 'Microsoft.KeyVault/managedHsm/keys/sign/action';
const CLIENT_REQUEST = '01234567-89ab-cdef-0123-456789abcdef';

test('every operation that is served has a name in the log, and no two have one', (t) => {
  const names = ROUTES.map(({ operation }) => auditOperation(operation));
  t.is(new Set(names).size, new Set(ROUTES.map(({ operation }) => operation)).size);
  t.throws(() => auditOperation('nothing of ours'), { instanceOf: TypeError });
});

test.serial('a signature is one event, with who, what, by which version, how, and from where', async (t) => {
  server.audit.taken();
  const { status, headers } = await server.post(`/keys/k1/sign${QUERY}&secret=${SECRET}`, ES256, {
    'user-agent': 'a client',
    'x-ms-client-request-id': CLIENT_REQUEST,
  });
  t.is(status, 200);
  const [event, ...others] = server.audit.taken();
  t.is(others.length, 0);
  const { timeMs, durationMs, principal, ...members } = event ?? {};
  t.true(Math.abs(Number(timeMs) - Date.now()) < 60_000);
  t.true(Number(durationMs) > 0);
  t.is((principal as { tenantId: string }).tenantId, TENANT);
  t.deepEqual(members as object, {
    operation: 'KeySign',
    apiVersion: '7.6',
    result: 'Success',
    httpStatus: 200,
    callerAddress: '127.0.0.1',
    addressAuthorization: 'PublicIP',
    virtualNetwork: undefined,
    userAgent: 'a client',
    correlationId: CLIENT_REQUEST,
    requestId: headers['x-ms-request-id'],
    requestUri: `https://${POOL_HOST}:${server.port}/keys/k1/sign?api-version=7.6`,
    dataAction: SIGN,
    scope: '/keys/k1',
    keyName: 'k1',
    keyVersion: VERSION,
    algorithm: 'ES256',
    target: undefined,
  });
});

test.serial('nothing of a body, of an answer or of an access token is in an event', async (t) => {
  server.audit.taken();
  const token = await server.accessToken();
  await server.post(`/keys/k1/sign${QUERY}`, ES256);
  await server.post(`/keys/k1/sign${QUERY}&token=${token}`, { alg: SECRET, value: SECRET });
  await server.post(`/keys/k1/decrypt${QUERY}`, { alg: 'A256KW', value: SECRET });
  await server.send('PUT', `/keys/k1${QUERY}`, { key: { kty: 'oct', k: SECRET } });
  await server.post(`/keys/k1/sign?api-version=${SECRET}`, ES256);
  const events = JSON.stringify(server.audit.taken());
  t.true(events.includes('KeyDecrypt'));
  t.false(events.includes(SECRET));
  t.false(events.includes(Buffer.from(SECRET, 'base64url').reverse().toString('base64url')));
  t.false(events.includes(token.slice(-40)));
});

test.serial('what is refused is an event as well', async (t) => {
  server.audit.taken();
  encryptionUser.audit.taken();
  await server.request('/keys/k1', { authenticated: false });
  await server.request(`/keys/k1${QUERY}`, { headers: { authorization: 'Bearer nonsense' } });
  await server.request('/nothing/here');
  await server.request(`/keys/k1/sign${QUERY}`, { method: 'GET' });
  await server.request('/keys/k1');
  await server.post(`/keys/k1/sign${QUERY}`, '{');
  await server.post(`/keys/k_1/sign${QUERY}`, ES256);
  server.engine.failure = new StrongroomError('Forbidden', 'No.', { innerCode: 'KeyDisabled' });
  await server.post(`/keys/k1/sign${QUERY}`, ES256);
  server.engine.failure = new Error('nobody foresaw this');
  await server.post(`/keys/k1/sign${QUERY}`, ES256);
  t.deepEqual(
    server.audit
      .taken()
      .map(({ operation, result, httpStatus, innerCode, keyName }) => [
        operation,
        result,
        httpStatus,
        innerCode,
        keyName,
      ]),
    [
      ['Authentication', 'Unauthorized', 401, undefined, undefined],
      ['Authentication', 'Unauthorized', 401, undefined, undefined],
      ['InvalidRequest', 'NotFound', 404, undefined, undefined],
      ['InvalidRequest', 'MethodNotAllowed', 405, undefined, undefined],
      ['KeyGet', 'BadParameter', 400, 'MissingApiVersionParameter', 'k1'],
      ['KeySign', 'BadParameter', 400, undefined, 'k1'],
      ['KeySign', 'BadParameter', 400, undefined, undefined],
      ['KeySign', 'Forbidden', 403, 'KeyDisabled', 'k1'],
      ['KeySign', 'InternalError', 500, undefined, 'k1'],
    ],
  );
  await encryptionUser.post(`/keys/k2/sign${QUERY}`, ES256);
  const [denied] = encryptionUser.audit.taken();
  t.like(denied, {
    operation: 'KeySign',
    result: 'AccessDenied',
    httpStatus: 403,
    scope: '/keys/k2',
    dataAction: SIGN,
  });
  t.truthy(denied?.principal);
});

test.serial(
  'every item of a batch is an event of its own, and a batch that is refused as a whole is one',
  async (t) => {
    encryptionUser.audit.taken();
    const wrap = { operation: 'wrapKey', alg: 'A256KW', value: SECRET };
    const path = `/keys/k1/batch${QUERY}`;
    const reply = await encryptionUser.post(path, {
      operations: [
        { reference: 'a', ...wrap },
        { reference: 'b', operation: 'sign', ...ES256 },
        { reference: 'c', operation: SECRET },
        { reference: 'd', ...wrap, alg: SECRET },
        { reference: 'e', ...wrap },
      ],
    });
    t.is(reply.status, 200);
    const events = encryptionUser.audit.taken();
    t.deepEqual(
      events
        .map(({ operation, result, httpStatus, keyVersion, algorithm }) =>
          [operation, result, httpStatus, keyVersion, algorithm].join(),
        )
        .sort(),
      [
        'KeyBatch,BadParameter,400,,',
        'KeySign,AccessDenied,403,,',
        `KeyWrap,BadParameter,400,,`,
        `KeyWrap,Success,200,${VERSION},A256KW`,
        `KeyWrap,Success,200,${VERSION},A256KW`,
      ],
    );
    t.is(new Set(events.map(({ requestId }) => requestId)).size, 1);
    t.false(JSON.stringify(events).includes(SECRET));
    await encryptionUser.post(path, { operations: [] });
    t.deepEqual(
      encryptionUser.audit.taken().map(({ operation, result }) => [operation, result]),
      [['KeyBatch', 'BadParameter']],
    );
  },
);

test.serial('an answer waits until its event is on record', async (t) => {
  let open: () => void = () => undefined;
  server.audit.gate = new Promise((resolve) => {
    open = resolve;
  });
  server.audit.taken();
  let isAnswered = false;
  const answered = server.post(`/keys/k1/sign${QUERY}`, ES256).then((reply) => {
    isAnswered = true;
    return reply;
  });
  while (server.audit.events.length === 0) await new Promise((resolve) => setImmediate(resolve));
  // Long enough for an answer that does not wait: another request comes and goes.
  await server.request('/health/ready', { authenticated: false });
  t.false(isAnswered);
  open();
  t.is((await answered).status, 200);
  server.audit.gate = Promise.resolve();
});

test.serial('a result that cannot be put on record is discarded, with 503', async (t) => {
  server.audit.takesNothing = 'recorded';
  for (const [path, body] of [
    [`/keys/k1/sign${QUERY}`, ES256],
    [`/keys/k1/batch${QUERY}`, { operations: [{ reference: 'a', operation: 'sign', ...ES256 }] }],
    [`/keys/k1/sign${QUERY}`, { alg: 'ES256' }],
  ] as const) {
    server.audit.taken();
    const { status, json, headers, text } = await server.post(path, body);
    t.is(status, 503);
    t.is(json.error?.code, 'ServiceUnavailable');
    t.is(json.error?.innererror?.code, 'AuditUnavailable');
    t.truthy(headers['retry-after']);
    t.false(text.includes('kid'));
    t.is(server.audit.taken().length, 1, 'it is asked once');
  }
  server.audit.takesNothing = undefined;
});

test.serial('while the log lets nobody in nothing is done, and nothing else is asked', async (t) => {
  server.audit.takesNothing = 'admitted';
  server.audit.taken();
  const before = server.engine.requests.length;
  for (const authenticated of [true, false]) {
    const { status, json } = await server.request(`/keys/k1${QUERY}`, { authenticated });
    t.is(status, 503);
    t.is(json.error?.innererror?.code, 'AuditUnavailable');
  }
  t.is(server.engine.requests.length, before);
  t.deepEqual(server.audit.taken(), []);
  server.audit.takesNothing = undefined;
  t.is((await server.request(`/keys/k1${QUERY}`)).status, 200);
});

test.serial('what a caller writes is cut to a length', async (t) => {
  server.audit.taken();
  const long = 'x'.repeat(1_000);
  await server.request(`/${long}${QUERY}`, { headers: { 'user-agent': long, 'x-ms-client-request-id': long } });
  const [event] = server.audit.taken();
  t.is(event?.userAgent?.length, 256);
  t.true((event?.requestUri?.length ?? 0) < 400);
  t.is(event?.correlationId, event?.requestId);
});

test.serial(
  'what changes something is on record before it is begun, and again when it has come to its end',
  async (t) => {
    server.audit.taken();
    let before: unknown[] = [];
    server.engine.onRequest = () => {
      before = server.audit.events.map(({ operation, result, keyName }) => [operation, result, keyName]);
    };
    t.is((await server.post(`/keys/k1/create${QUERY}`, { kty: 'EC-HSM' })).status, 200);
    t.deepEqual(before, [['KeyCreate', 'Pending', 'k1']]);
    const [begun, done] = server.audit.taken();
    t.is(done?.result, 'Success');
    t.is(begun?.requestId, done?.requestId ?? '');
    t.deepEqual([begun?.httpStatus, begun?.durationMs], [undefined, undefined]);
    await server.post(`/keys/k1/sign${QUERY}`, ES256);
    t.deepEqual(before, [], 'a signature gives nothing away but by its answer');
    server.engine.onRequest = undefined;
    server.audit.taken();
  },
);

test.serial('what changes something is not begun when the log does not take that it is', async (t) => {
  server.audit.takesNothing = 'recorded';
  const before = server.engine.requests.length;
  for (const [method, path, body] of [
    ['POST', `/keys/k1/create${QUERY}`, { kty: 'EC-HSM' }],
    ['DELETE', `/keys/k1${QUERY}`, undefined],
    ['PATCH', `/keys/k1${QUERY}`, { attributes: { enabled: false } }],
  ] as const) {
    const { status, json } = await (body === undefined
      ? server.request(path, { method })
      : server.send(method, path, body));
    t.deepEqual([status, json.error?.innererror?.code], [503, 'AuditUnavailable']);
  }
  t.is(server.engine.requests.length, before);
  server.audit.takesNothing = undefined;
});

test('every request that changes something is announced, whoever adds a route for it', (t) => {
  const silent = ROUTES.filter(({ method, changes }) => method !== 'GET' && !changes);
  t.deepEqual(silent.map(({ operation }) => operation).sort(), [
    'batch',
    'decrypt',
    'encrypt',
    'explainAccess',
    'random',
    'release',
    'secureUnwrapKey',
    'secureWrapKey',
    'sign',
    'unwrapKey',
    'verify',
    'wrapKey',
  ]);
  t.false(ROUTES.some(({ method, changes }) => method === 'GET' && changes));
});
