import { request as httpsRequest } from 'node:https';
import test from 'ava';
import type { BatchItem } from '../../src/engine/requests.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { turned, VERSION } from './fake_engine.ts';
import { POOL_HOST, type Reply, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const PATH = '/keys/k1/batch?api-version=2025-07-01';
const kid = (of = server) => `https://${POOL_HOST}:${of.port}/keys/k1/${VERSION}`;
const encoded = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
const input = Uint8Array.of(250, 251, 252, 253);
const value = encoded(input);
const answer = encoded(turned(input));
const sign = (reference: string) => ({ reference, operation: 'sign', alg: 'ES256', value });

interface Result {
  readonly reference: string | null;
  readonly status: number;
  readonly result?: object;
  readonly error?: { readonly code: string; readonly message: string; readonly innererror?: { readonly code: string } };
}

const resultsOf = ({ json }: Reply) => json.results as Result[];

test.serial('each item is answered as the operation alone would be, in the order of the items', async (t) => {
  const reply = await server.post(PATH, {
    operations: [
      sign('a'),
      { reference: 'b', operation: 'verify', alg: 'ES256', digest: value, value: answer },
      { reference: 'c', operation: 'encrypt', alg: 'A256GCM', value, aad: 'AQID' },
      { reference: 'd', operation: 'decrypt', alg: 'A256GCM', value, iv: 'AAAA', tag: 'AQEB' },
      { reference: 'e', operation: 'wrapKey', alg: 'A256KW', value },
      { reference: 'f', operation: 'UNWRAPKEY', alg: 'a256kw', value, unknown: { member: true } },
    ],
  });
  t.is(reply.status, 200);
  const single = { kid: kid(), value: answer };
  const tag = encoded(new Uint8Array(16).fill(1));
  t.deepEqual(resultsOf(reply), [
    { reference: 'a', status: 200, result: single },
    { reference: 'b', status: 200, result: { value: true } },
    { reference: 'c', status: 200, result: { ...single, iv: encoded(new Uint8Array(12)), tag } },
    { reference: 'd', status: 200, result: single },
    { reference: 'e', status: 200, result: single },
    { reference: 'f', status: 200, result: single },
  ]);
});

test.serial('the engine is asked once, for the version of the path', async (t) => {
  const before = server.engine.requests.filter(({ operation }) => operation === 'batch').length;
  await server.post(`/keys/k1/${VERSION}/batch?api-version=7.6`, { operations: [sign('a'), sign('b')] });
  const batches = server.engine.requests.filter(({ operation }) => operation === 'batch');
  t.is(batches.length, before + 1);
  const items = batches.at(-1)?.request as readonly BatchItem[];
  t.deepEqual(
    items.map(({ operation, key }) => [operation, key]),
    Array.from({ length: 2 }, () => ['sign', { name: 'k1', version: VERSION }]),
  );
});

test.serial('references may be the same, empty and in any script', async (t) => {
  const references = ['same', 'same', '', '"\\\u2028', 'ключ'];
  const reply = await server.post(PATH, { operations: references.map(sign) });
  t.deepEqual(
    resultsOf(reply).map(({ reference }) => reference),
    references,
  );
});

const MALFORMED: readonly [what: string, item: unknown, reference: string | null, message: RegExp][] = [
  ['null', null, null, /Expected an object for an item of operations, received null/],
  ['a text', 'sign', null, /for an item of operations/],
  ['a list', [], null, /for an item of operations/],
  ['without reference', { operation: 'sign', alg: 'ES256', value }, null, /for an item of operations\.reference/],
  ['with a number for reference', { ...sign('x'), reference: 1 }, null, /item of operations\.reference, received 1/],
  ['with a long reference', sign('x'.repeat(129)), null, /at most 128 characters/],
  [
    'without operation',
    { reference: 'x', alg: 'ES256', value },
    'x',
    /item of operations\.operation, received nothing/,
  ],
  ['of an unknown operation', { ...sign('x'), operation: 'delete' }, 'x', /Expected sign, verify, .* for operation/],
  ['of a member of every object', { ...sign('x'), operation: 'constructor' }, 'x', /for operation/],
  ['without alg', { reference: 'x', operation: 'sign', value }, 'x', /for alg, received nothing/],
  ['of an unknown alg', { ...sign('x'), alg: 'ES257' }, 'x', /for alg/],
  ['without value', { reference: 'x', operation: 'sign', alg: 'ES256' }, 'x', /for value, received nothing/],
  ['with broken base64url', { ...sign('x'), value: '*' }, 'x', /base64url/],
  ['of verify without digest', { ...sign('x'), operation: 'verify' }, 'x', /for digest/],
  ['of encrypt with a broken aad', { ...sign('x'), operation: 'encrypt', aad: 1 }, 'x', /for aad, received 1/],
];

for (const [what, item, reference, message] of MALFORMED) {
  test.serial(`an item that is ${what} is refused in its place, and the others are done`, async (t) => {
    const reply = await server.post(PATH, { operations: [sign('before'), item, sign('after')] });
    t.is(reply.status, 200);
    const [before, refused, after] = resultsOf(reply);
    t.like(before, { reference: 'before', status: 200, result: { value: answer } });
    t.like(after, { reference: 'after', status: 200, result: { value: answer } });
    t.is(refused?.reference, reference);
    t.is(refused?.status, 400);
    t.is(refused?.error?.code, 'BadParameter');
    t.regex(refused?.error?.message ?? '', message);
    t.true(refused?.error?.message.endsWith(`(Activity ID: ${reply.headers['x-ms-request-id']})`));
  });
}

test.serial('a batch whose items are all malformed is answered item by item as well', async (t) => {
  const reply = await server.post(PATH, { operations: [1, 2] });
  t.deepEqual(
    resultsOf(reply).map(({ status }) => status),
    [400, 400],
  );
});

test.serial('what the engine refuses is the answer of that item', async (t) => {
  server.engine.batch = async () => [
    {
      ok: false,
      error: new StrongroomError('Forbidden', 'Operation sign is not permitted on this key.', {
        innerCode: 'KeyOperationForbidden',
      }),
    },
    { ok: true, result: { name: 'k1', version: VERSION, signature: Uint8Array.of(1, 2, 3) } },
    { ok: false, error: new TypeError('C_Sign returned CKR_GENERAL_ERROR') },
  ];
  t.teardown(() => {
    Reflect.deleteProperty(server.engine, 'batch');
  });
  const reply = await server.post(PATH, { operations: [sign('a'), sign('b'), sign('c')] });
  t.is(reply.status, 200);
  const [forbidden, done, failed] = resultsOf(reply);
  t.like(forbidden, { status: 403, error: { code: 'Forbidden', innererror: { code: 'KeyOperationForbidden' } } });
  t.like(done, { status: 200, result: { kid: kid(), value: 'AQID' } });
  t.like(failed, { status: 500, error: { code: 'InternalError' } });
  t.false(reply.text.includes('CKR_'));
  t.true(server.log.some((line) => line.includes('CKR_GENERAL_ERROR') && line.includes('"level":50')));
});

const ENVELOPES: readonly [what: string, body: unknown][] = [
  ['without operations', {}],
  ['with operations that are an object', { operations: {} }],
  ['with operations of null', { operations: null }],
  ['without an item', { operations: [] }],
  ['with an item too many', { operations: Array.from({ length: LIMITS.batchItems + 1 }, () => 1) }],
  ['that is a list', [sign('a')]],
  ['that is no JSON', '{"operations":['],
  ['that is empty', ''],
];

for (const [what, body] of ENVELOPES) {
  test.serial(`a batch ${what} is refused as a whole`, async (t) => {
    const before = server.engine.requests.length;
    const { status, json } = await server.post(PATH, body);
    t.is(status, 400);
    t.is(json.error?.code, 'BadParameter');
    t.is(server.engine.requests.length, before);
  });
}

test.serial('a batch of 256 items with all members fits into the limits', async (t) => {
  const item = { operation: 'decrypt', alg: 'A256GCM', value, iv: 'AAAA', aad: 'AQID', tag: 'AQEB' };
  const operations = Array.from({ length: LIMITS.batchItems }, (_, index) => ({ reference: `${index}`, ...item }));
  const reply = await server.post(PATH, { operations });
  t.is(reply.status, 200);
  const results = resultsOf(reply);
  t.is(results.length, LIMITS.batchItems);
  t.true(results.every(({ reference, status }, index) => reference === `${index}` && status === 200));
});

test.serial('inputs are zeroised when the answer is given', async (t) => {
  await server.post(PATH, { operations: [{ reference: 'a', operation: 'wrapKey', alg: 'A256KW', value }] });
  const items = server.engine.requests.findLast(({ operation }) => operation === 'batch')?.request as BatchItem[];
  t.deepEqual(Uint8Array.from((items[0] as { value: Uint8Array }).value), new Uint8Array(4));
});

test('items need the data actions of their own operations', async (t) => {
  const wrapper = await TestServer.open((principalId) => [
    // Encryption User: wrap and unwrap, and nothing that signs.
    { principalId, roleDefinitionId: '33413926-3206-4cdd-b39a-83574fe37a17', scope: '/keys/k1' },
  ]);
  t.teardown(() => wrapper.server.close());
  const operations = [sign('a'), { reference: 'b', operation: 'wrapKey', alg: 'A256KW', value }, sign('c')];
  const reply = await wrapper.post(PATH, { operations });
  t.is(reply.status, 200);
  const [first, second, third] = resultsOf(reply);
  for (const denied of [first, third]) {
    t.like(denied, { status: 403, error: { code: 'AccessDenied' } });
    t.regex(denied?.error?.message ?? '', /^Not authorized to access .*\/keys\/sign\/action on \/keys\/k1 \(/);
  }
  t.deepEqual(second, { reference: 'b', status: 200, result: { kid: kid(wrapper), value: answer } });
  const elsewhere = await wrapper.post('/keys/k2/batch?api-version=7.6', { operations });
  t.is(elsewhere.status, 403);
  t.is(elsewhere.json.error?.code, 'AccessDenied');
});

test('who may do nothing with a key is refused before the batch is read', async (t) => {
  const administrator = await TestServer.open((principalId) => [
    { principalId, roleDefinitionId: BUILT_IN_ROLE_IDS.administrator, scope: '/' },
  ]);
  t.teardown(() => administrator.server.close());
  const { status, json } = await administrator.post(PATH, 'no JSON at all');
  t.is(status, 403);
  t.is(json.error?.code, 'AccessDenied');
  t.deepEqual(administrator.engine.requests, []);
});

test.serial('a caller who hangs up aborts the operations of his batch', async (t) => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  server.engine.gate = gate;
  t.teardown(() => {
    open();
    server.engine.gate = Promise.resolve();
  });
  const { promise: asked, resolve: wasAsked } = Promise.withResolvers<readonly BatchItem[]>();
  server.engine.batch = (items) => {
    wasAsked(items);
    return gate.then(() => []);
  };
  t.teardown(() => {
    Reflect.deleteProperty(server.engine, 'batch');
  });
  const body = JSON.stringify({ operations: [sign('a'), sign('b')] });
  const request = httpsRequest({
    host: '127.0.0.1',
    port: server.port,
    servername: POOL_HOST,
    ca: server.authority,
    method: 'POST',
    path: PATH,
    agent: false,
    setHost: false,
    headers: {
      host: `${POOL_HOST}:${server.port}`,
      authorization: `Bearer ${await server.accessToken()}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    },
  });
  request.on('error', () => undefined);
  request.end(body);
  const items = await asked;
  const signals = items.map(({ signal }) => signal as AbortSignal);
  t.deepEqual(
    signals.map(({ aborted }) => aborted),
    [false, false],
  );
  const aborted = Promise.all(
    signals.map((signal) => new Promise((resolve) => signal.addEventListener('abort', resolve))),
  );
  request.destroy();
  t.is((await aborted).length, 2);
});
