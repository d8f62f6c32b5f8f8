import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { type FakeEngine, turned, VERSION } from './fake_engine.ts';
import { POOL_HOST, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const QUERY = '?api-version=7.6';
const kid = () => `https://${POOL_HOST}:${server.port}/keys/k1/${VERSION}`;
const encoded = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
const input = Uint8Array.of(250, 251, 252, 253);

test.serial('create answers with the key bundle', async (t) => {
  const { status, json } = await server.post(`/keys/k1/create${QUERY}`, {
    kty: 'EC',
    crv: 'SECP256K1',
    key_ops: ['Sign', 'verify'],
    attributes: { enabled: false, nbf: 1, exp: 2 },
    tags: { a: 'b', ['__proto__']: 'c' },
    unknown: { member: [] },
  });
  t.is(status, 200);
  t.deepEqual(server.engine.lastRequest, {
    name: 'k1',
    spec: { keyType: 'EC-HSM', curve: 'P-256K' },
    operations: ['sign', 'verify'],
    enabled: false,
    notBefore: 1,
    expires: 2,
    tags: Object.fromEntries([
      ['a', 'b'],
      ['__proto__', 'c'],
    ]),
    releasePolicy: undefined,
  });
  t.deepEqual(json, {
    key: {
      kid: kid(),
      kty: 'EC-HSM',
      key_ops: ['sign', 'verify'],
      crv: 'P-256',
      x: encoded(new Uint8Array(32).fill(1)),
      y: encoded(new Uint8Array(32).fill(2)),
    },
    attributes: {
      enabled: true,
      exp: 2_000_000_000,
      created: 1_700_000_000,
      updated: 1_700_000_000,
      recoverableDays: 90,
      recoveryLevel: 'Recoverable+Purgeable',
      exportable: false,
    },
  });
});

const SPECS: readonly [body: Record<string, unknown>, spec: Record<string, unknown>][] = [
  [{ kty: 'RSA' }, { keyType: 'RSA-HSM', size: 2048, publicExponent: 65537 }],
  [
    { kty: 'RSA-HSM', key_size: 4096, public_exponent: 3 },
    { keyType: 'RSA-HSM', size: 4096, publicExponent: 3 },
  ],
  [
    { kty: 'rsa-hsm', key_size: 3072 },
    { keyType: 'RSA-HSM', size: 3072, publicExponent: 65537 },
  ],
  [{ kty: 'EC-HSM' }, { keyType: 'EC-HSM', curve: 'P-256' }],
  [
    { kty: 'EC', crv: 'p-521' },
    { keyType: 'EC-HSM', curve: 'P-521' },
  ],
  [{ kty: 'oct' }, { keyType: 'oct-HSM', size: 256 }],
  [
    { kty: 'oct-HSM', key_size: 128 },
    { keyType: 'oct-HSM', size: 128 },
  ],
];

for (const [body, spec] of SPECS) {
  test.serial(`create of ${JSON.stringify(body)} makes a key of the HSM`, async (t) => {
    t.is((await server.post(`/keys/k1/create${QUERY}`, body)).status, 200);
    t.deepEqual((server.engine.lastRequest as { spec: unknown }).spec, spec);
  });
}

test.serial('an oct key shows its size and no member of its value', async (t) => {
  const { json } = await server.post(`/keys/k1/create${QUERY}`, { kty: 'oct' });
  t.deepEqual(Object.keys(json.key as object), ['kid', 'kty', 'key_ops']);
  t.is((json.attributes as { key_size: number }).key_size, 256);
});

test.serial('import hands the values of the JSON Web Key over', async (t) => {
  const { status } = await server.request(`/keys/k1${QUERY}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ Hsm: true, key: { kty: 'oct', k: encoded(input), key_ops: ['encrypt'] } }),
  });
  t.is(status, 200);
  t.like(server.engine.lastRequest, { name: 'k1', material: { keyType: 'oct-HSM' }, operations: ['encrypt'] });
});

test.serial('sign hands the digest over and answers with kid and signature', async (t) => {
  const { status, json } = await server.post(`/keys/k1/sign${QUERY}`, { alg: 'es256', value: encoded(input) });
  t.is(status, 200);
  t.deepEqual(server.engine.lastRequest, {
    key: { name: 'k1', version: undefined },
    algorithm: 'ES256',
    digest: input,
  });
  t.deepEqual(json, { kid: kid(), value: encoded(turned(input)) });
});

test.serial('padding of base64url is taken and never given', async (t) => {
  const { json } = await server.post(`/keys/k1/sign${QUERY}`, { alg: 'ES256', value: `${encoded(input)}==` });
  t.deepEqual((server.engine.lastRequest as { digest: Uint8Array }).digest, input);
  t.false(String(json.value).includes('='));
});

test.serial('verify answers with true or false alone', async (t) => {
  const good = { alg: 'ES256', digest: encoded(input), value: encoded(turned(input)) };
  t.deepEqual((await server.post(`/keys/k1/verify${QUERY}`, good)).json, { value: true });
  t.deepEqual((await server.post(`/keys/k1/verify${QUERY}`, { ...good, value: good.digest })).json, { value: false });
});

test.serial('encrypt answers with what decrypt will need', async (t) => {
  const body = { alg: 'A256GCM', value: encoded(input), aad: encoded(input) };
  const { json } = await server.post(`/keys/k1/encrypt${QUERY}`, body);
  t.like(server.engine.lastRequest, { algorithm: 'A256GCM', iv: undefined });
  t.deepEqual(json, {
    kid: kid(),
    value: encoded(turned(input)),
    iv: encoded(new Uint8Array(12)),
    tag: encoded(new Uint8Array(16).fill(1)),
  });
});

test.serial('decrypt hands iv, tag and aad over', async (t) => {
  const body = { alg: 'A256GCM', value: encoded(input), iv: 'AAAA', aad: 'AQEB', tag: 'AgIC' };
  const { json } = await server.post(`/keys/k1/decrypt${QUERY}`, body);
  const { iv, aad, tag } = server.engine.lastRequest as { iv: Uint8Array; aad: Uint8Array; tag: Uint8Array };
  t.deepEqual(
    [iv, aad, tag].map((bytes) => encoded(bytes)),
    ['AAAA', 'AQEB', 'AgIC'],
  );
  t.deepEqual(json, { kid: kid(), value: encoded(turned(input)) });
});

test.serial('wrapkey and unwrapkey are each other turned round', async (t) => {
  const wrapped = await server.post(`/keys/k1/wrapkey${QUERY}`, { alg: 'A256KW', value: encoded(input) });
  t.deepEqual(wrapped.json, { kid: kid(), value: encoded(turned(input)) });
  const unwrapped = await server.post(`/keys/k1/unwrapkey${QUERY}`, { alg: 'A256KW', value: wrapped.json.value });
  t.deepEqual(unwrapped.json, { kid: kid(), value: encoded(input) });
});

test.serial('rng answers with as many bytes as were asked for', async (t) => {
  const { json } = await server.post(`/rng${QUERY}`, { count: 128 });
  t.deepEqual(json, { value: encoded(new Uint8Array(128).fill(7)) });
});

const FIXED_HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-cache',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'content-security-policy': "default-src 'self'",
  'x-ms-build-version': '0.0.0',
  'x-ms-keyvault-region': 'local',
  'x-ms-keyvault-network-info': 'conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=Ipv4;',
};
const UUID_V1 = /^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test.serial('answers and errors carry the same headers', async (t) => {
  const answers = await Promise.all([
    server.request(`/keys/k1${QUERY}`),
    server.request('/nothing'),
    server.post(`/keys/k1/sign${QUERY}`, '{'),
  ]);
  t.deepEqual(
    answers.map(({ status }) => status),
    [200, 404, 400],
  );
  for (const { headers, text } of answers) {
    t.like(headers, FIXED_HEADERS);
    t.regex(String(headers['x-ms-request-id']), UUID_V1);
    t.regex(String(headers['x-ms-server-latency']), /^\d+$/);
    t.is(headers['content-length'], String(Buffer.byteLength(text)));
  }
});

test.serial('the message of an error ends with the request id', async (t) => {
  const { headers, json } = await server.request('/nothing');
  t.true(json.error?.message.endsWith(`(Activity ID: ${headers['x-ms-request-id']})`));
});

const FAILURES: readonly [error: StrongroomError, status: number, retryAfter: string | undefined][] = [
  [new StrongroomError('KeyNotFound', 'Key not found: k1'), 404, undefined],
  [
    new StrongroomError('Forbidden', 'Operation sign is not allowed on a disabled key.', { innerCode: 'KeyDisabled' }),
    403,
    undefined,
  ],
  [new StrongroomError('DecryptionFailed', 'The value could not be decrypted.'), 400, undefined],
  [new StrongroomError('Throttled', 'Too many operations wait.'), 429, '1'],
  [new StrongroomError('Throttled', 'Too many operations wait.', { retryAfterMs: 2_500 }), 429, '3'],
  [new StrongroomError('ServiceUnavailable', 'No token is available.'), 503, '1'],
  [new StrongroomError('SelfTestFailed', 'A self-test failed.'), 503, '30'],
  [new StrongroomError('NotSupported', 'The token cannot do this.'), 501, undefined],
];

for (const [error, status, retryAfter] of FAILURES) {
  test.serial(
    `${error.code} of the engine is a ${status} with its message${retryAfter === undefined ? '' : ` and Retry-After ${retryAfter}`}`,
    async (t) => {
      server.engine.failure = error;
      const reply = await server.request(`/keys/k1${QUERY}`);
      t.is(reply.status, status);
      t.is(reply.headers['retry-after'], retryAfter);
      t.is(reply.json.error?.code, error.code);
      t.true(reply.json.error?.message.startsWith(error.message));
      t.is(reply.json.error?.innererror?.code, error.innerCode);
    },
  );
}

test.serial('what nobody foresaw is in the log and not in the answer', async (t) => {
  server.engine.failure = new TypeError('C_Sign returned CKR_GENERAL_ERROR at /usr/lib/softhsm');
  const { status, json, text } = await server.request(`/keys/k1${QUERY}`);
  t.is(status, 500);
  t.is(json.error?.code, 'InternalError');
  t.false(text.includes('CKR_'));
  t.true(server.log.some((line) => line.includes('CKR_GENERAL_ERROR') && line.includes('"level":50')));
});

test.serial('access tokens are not in the log', async (t) => {
  const token = await server.accessToken();
  t.false(server.log.some((line) => line.includes(token)));
});

test.serial('a caller without the role is told which data action it lacks, and the engine is not asked', async (t) => {
  const nobody = await TestServer.open(() => []);
  t.teardown(() => nobody.server.close());
  const { status, json } = await nobody.post(`/keys/k1/sign${QUERY}`, { alg: 'ES256', value: 'AQID' });
  t.is(status, 403);
  t.is(json.error?.code, 'AccessDenied');
  t.true(
    json.error?.message.startsWith(
      'Not authorized to access Microsoft.KeyVault/managedHsm/keys/sign/action on /keys/k1 (Activity ID: ',
    ),
  );
  const random = await nobody.post(`/rng${QUERY}`, { count: 8 });
  t.true(
    random.json.error?.message.startsWith('Not authorized to access Microsoft.KeyVault/managedHsm/rng/action on / ('),
  );
  t.deepEqual((nobody.engine as FakeEngine).requests, []);
});
