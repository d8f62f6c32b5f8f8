import test from 'ava';
import { LIMITS } from '../../src/model/limits.ts';
import { TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const QUERY = '?api-version=7.6';
const SIGN = `/keys/k1/sign${QUERY}`;
const VERIFY = `/keys/k1/verify${QUERY}`;
const ENCRYPT = `/keys/k1/encrypt${QUERY}`;
const CREATE = `/keys/k1/create${QUERY}`;
const RNG = `/rng${QUERY}`;
const nested = (depth: number) => `{"alg":"ES256","value":"AQID","x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
const withMembers = (count: number) =>
  JSON.stringify({
    alg: 'ES256',
    value: 'AQID',
    x: Object.fromEntries(Array.from({ length: count - 3 }, (_, i) => [`m${i}`, 0])),
  });

const ROWS: readonly [what: string, path: string, body: unknown, message: RegExp, code?: string][] = [
  ['no body', SIGN, '', /Expected a JSON object for the request body, received nothing/],
  ['half a JSON', SIGN, '{"alg":"ES256"', /Expected JSON for the request body, received 14 bytes/],
  ['two JSON values', SIGN, '{}{}', /Expected JSON for/],
  ['JSON with a comment', SIGN, '{}//', /Expected JSON for/],
  ['a byte order mark', SIGN, '\ufeff{"alg":"ES256","value":"AQID"}', /without a byte order mark/],
  ['bytes that are no UTF-8', SIGN, Buffer.from('7b22616c67223a22ff227d', 'hex'), /JSON in UTF-8/],
  ['an array', SIGN, '[]', /Expected a JSON object for the request body, received an array of 0/],
  ['a text', SIGN, '"x"', /Expected a JSON object for the request body/],
  ['null', SIGN, 'null', /Expected a JSON object for the request body, received null/],
  ['a member twice', SIGN, '{"alg":"ES256","alg":"ES384","value":"AQID"}', /stands twice/],
  ['a member twice, once escaped', SIGN, '{"alg":"ES256","\\u0061lg":"ES384","value":"AQID"}', /stands twice/],
  ['a member twice, deep inside', SIGN, '{"alg":"ES256","value":"AQID","x":[{"a":{"b":1,"b":1}}]}', /stands twice/],
  ['__proto__ twice', SIGN, '{"alg":"ES256","value":"AQID","__proto__":1,"__proto__":2}', /stands twice/],
  ['too many levels', SIGN, nested(LIMITS.jsonDepth), /at most 32 levels/],
  ['a hundred thousand levels', SIGN, nested(100_000), /at most 32 levels/],
  ['too many members', SIGN, withMembers(LIMITS.jsonMembers + 1), /at most 2000 members/],
  ['members by way of __proto__', SIGN, '{"__proto__":{"alg":"ES256","value":"AQID"}}', /for alg, received nothing/],

  ['no alg', SIGN, { value: 'AQID' }, /Expected the name of an algorithm for alg, received nothing/],
  ['an alg that is no text', SIGN, { alg: 1, value: 'AQID' }, /for alg, received 1/],
  ['an alg that is null', SIGN, { alg: null, value: 'AQID' }, /for alg, received null/],
  ['an unknown alg', SIGN, { alg: 'ES257', value: 'AQID' }, /for alg, received \\?"ES257/],
  ['an alg that is a member of every object', SIGN, { alg: 'constructor', value: 'AQID' }, /for alg/],
  ['no value', SIGN, { alg: 'ES256' }, /Expected base64url text for value, received nothing/],
  ['a value that is a list', SIGN, { alg: 'ES256', value: ['AQID'] }, /for value, received an array of 1/],
  ['base64 with plus', SIGN, { alg: 'ES256', value: 'AQ+D' }, /Expected base64url .* for value, received 4 bytes/],
  ['base64 with slash', SIGN, { alg: 'ES256', value: 'AQ/D' }, /base64url/],
  ['base64url with a blank', SIGN, { alg: 'ES256', value: 'AQ D' }, /base64url/],
  ['base64url with a line break', SIGN, { alg: 'ES256', value: 'AQID\n' }, /base64url/],
  ['base64url of an impossible length', SIGN, { alg: 'ES256', value: 'AQIDA' }, /base64url/],
  ['base64url with bits behind the end', SIGN, { alg: 'ES256', value: 'AR' }, /base64url/],
  ['base64url with too much padding', SIGN, { alg: 'ES256', value: 'AQID=' }, /base64url/],
  ['base64url with padding inside', SIGN, { alg: 'ES256', value: 'AQ==AQ==' }, /base64url/],
  ['letters beyond ASCII', SIGN, { alg: 'ES256', value: 'AQIÐ' }, /base64url/],
  ['no digest', VERIFY, { alg: 'ES256', value: 'AQID' }, /for digest, received nothing/],
  ['a broken digest', VERIFY, { alg: 'ES256', digest: '*', value: 'AQID' }, /for digest/],
  ['a broken iv', ENCRYPT, { alg: 'A128CBC', value: 'AQID', iv: '*' }, /for iv/],
  ['an iv that is no text', ENCRYPT, { alg: 'A128CBC', value: 'AQID', iv: 5 }, /for iv, received 5/],

  ['no kty', CREATE, {}, /Expected a key type for kty, received nothing/],
  ['an unknown kty', CREATE, { kty: 'OKP' }, /for kty, received \\?"OKP/],
  [
    'an unknown curve',
    CREATE,
    { kty: 'EC', crv: 'Ed25519' },
    /^The specified key curve is not supported/,
    'KeyCurveNotSupported',
  ],
  ['a curve for RSA', CREATE, { kty: 'RSA', crv: 'P-256' }, /Expected nothing with kty RSA-HSM for crv/],
  ['a size for EC', CREATE, { kty: 'EC', key_size: 256 }, /Expected nothing with kty EC-HSM for key_size/],
  ['an unknown size', CREATE, { kty: 'RSA', key_size: 1024 }, /Expected 2048, 3072, 4096 for key_size, received 1024/],
  ['a size that is a text', CREATE, { kty: 'RSA', key_size: '2048' }, /Expected an integer for key_size, received/],
  ['a size that is no integer', CREATE, { kty: 'RSA', key_size: 2048.5 }, /for key_size/],
  ['a size beyond all numbers', CREATE, '{"kty":"RSA","key_size":1e999}', /for key_size/],
  ['a size for oct that is none', CREATE, { kty: 'oct', key_size: 512 }, /Expected 128, 192, 256 for key_size/],
  ['an exponent for oct', CREATE, { kty: 'oct', public_exponent: 3 }, /for public_exponent/],
  [
    'operations that are no list',
    CREATE,
    { kty: 'EC', key_ops: 'sign' },
    /Expected a list of key operations for key_ops/,
  ],
  ['an unknown operation', CREATE, { kty: 'EC', key_ops: ['sing'] }, /for key_ops, received \\?"sing/],
  ['an operation that is no text', CREATE, { kty: 'EC', key_ops: [1] }, /for key_ops\.0, received 1/],
  ['attributes that are a text', CREATE, { kty: 'EC', attributes: 'x' }, /Expected an object for attributes/],
  [
    'enabled as a text',
    CREATE,
    { kty: 'EC', attributes: { enabled: 'true' } },
    /Expected true or false for attributes\.enabled/,
  ],
  [
    'an exp in fractions',
    CREATE,
    { kty: 'EC', attributes: { exp: 1.5 } },
    /Expected unix seconds as an integer for attributes\.exp/,
  ],
  ['a negative nbf', CREATE, { kty: 'EC', attributes: { nbf: -1 } }, /for attributes\.nbf, received -1/],
  ['an exp beyond the year 9999', CREATE, { kty: 'EC', attributes: { exp: 2 ** 53 } }, /for attributes\.exp/],
  ['a tag that is a number', CREATE, { kty: 'EC', tags: { a: 1 } }, /Expected a string for tags\.a, received 1/],
  ['a tag behind a line break', CREATE, { kty: 'EC', tags: { 'a\n': 1 } }, /Expected a string for tags\.a/],
  ['half a character in a tag', CREATE, '{"kty":"EC","tags":{"a":"\\ud800"}}', /for tags/],
  [
    'exportable without policy',
    CREATE,
    { kty: 'EC', attributes: { exportable: true } },
    /^Exportable keys must have release policy/,
  ],
  [
    'a policy without exportable',
    CREATE,
    { kty: 'EC', release_policy: { data: 'e30' } },
    /^Non-exportable keys must not have release policy/,
  ],

  ['no count', RNG, {}, /Expected an integer from 1 to 128 for count, received nothing/],
  ['a count of 0', RNG, { count: 0 }, /for count, received 0/],
  ['a count of 129', RNG, { count: 129 }, /for count, received 129/],
  ['a count as a text', RNG, { count: '8' }, /for count/],
];

for (const [what, path, body, message, code = 'BadParameter'] of ROWS) {
  test(`${path.split('?')[0]} with ${what} is refused with 400 ${code}`, async (t) => {
    const before = server.engine.requests.length;
    const reply = await server.post(path, body);
    t.is(reply.status, 400);
    t.is(reply.json.error?.code, code);
    t.regex(reply.json.error?.message ?? '', message);
    t.is(server.engine.requests.length, before);
  });
}

const MEDIA_TYPES: readonly [contentType: string, status: number][] = [
  ['application/json', 200],
  ['application/json; charset=utf-8', 200],
  ['APPLICATION/JSON;charset="UTF-8"', 200],
  ['application/json; odata.metadata=minimal; charset=utf8', 200],
  ['application/json; charset=utf-16', 415],
  ['application/jsonp', 415],
  ['application/json, text/plain', 415],
  ['text/plain', 415],
  ['application/x-www-form-urlencoded', 415],
  ['application/merge-patch+json', 415],
  ['///', 415],
];

for (const [contentType, status] of MEDIA_TYPES) {
  test(`a body of type ${contentType} is answered with ${status}`, async (t) => {
    const reply = await server.post(SIGN, { alg: 'ES256', value: 'AQID' }, { 'content-type': contentType });
    t.is(reply.status, status);
    if (status === 415) t.is(reply.json.error?.code, 'UnsupportedMediaType');
  });
}

test('a body without a type is refused', async (t) => {
  const reply = await server.request(SIGN, { method: 'POST', body: '{"alg":"ES256","value":"AQID"}' });
  t.is(reply.status, 415);
});

test('a compressed body is refused, not opened', async (t) => {
  const reply = await server.post(SIGN, { alg: 'ES256', value: 'AQID' }, { 'content-encoding': 'gzip' });
  t.is(reply.status, 415);
});

test('a body of exactly the limit is read, and one byte more is not', async (t) => {
  const filled = (bytes: number) => `{"alg":"ES256","value":"AQID","x":"${'a'.repeat(bytes - 37)}"}`;
  t.is(filled(100).length, 100);
  t.is((await server.post(SIGN, filled(LIMITS.requestBodyBytes))).status, 200);
  const reply = await server.post(SIGN, filled(LIMITS.requestBodyBytes + 1));
  t.is(reply.status, 413);
  t.is(reply.json.error?.code, 'PayloadTooLarge');
  t.is(reply.headers.connection, 'close');
});

test('secrets are not quoted in complaints', async (t) => {
  const canary = 'c2VjcmV0LWNhbmFyeQ*';
  const { text } = await server.post(`/keys/k1/encrypt${QUERY}`, { alg: 'A128CBC', value: canary });
  t.false(text.includes('c2VjcmV0'));
  const imported = await server.request(`/keys/k1${QUERY}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key: { kty: 'oct', k: canary } }),
  });
  t.is(imported.status, 400);
  t.regex(imported.json.error?.message ?? '', /for key\.k/);
  t.false(imported.text.includes('c2VjcmV0'));
  t.false(server.log.some((line) => line.includes('c2VjcmV0')));
});

const IMPORTS: readonly [what: string, key: Record<string, unknown>, parameter: string][] = [
  ['an EC key without curve', { kty: 'EC', x: 'AQ', y: 'AQ', d: 'AQ' }, 'key.crv'],
  ['an EC key without d', { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }, 'key.d'],
  ['an EC key of the wrong width', { kty: 'EC', crv: 'P-256', x: 'AQ', y: 'AQ', d: 'AQ' }, 'key.x'],
  ['an RSA key without primes', { kty: 'RSA', n: 'AQ', e: 'AQAB', d: 'AQ' }, 'key.p'],
  ['an oct key without value', { kty: 'oct' }, 'key.k'],
  ['an oct key with an empty value', { kty: 'oct', k: '' }, 'key.k'],
];

for (const [what, key, parameter] of IMPORTS) {
  test(`import of ${what} is refused for ${parameter}`, async (t) => {
    const reply = await server.request(`/keys/k1${QUERY}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key }),
    });
    t.is(reply.status, 400);
    t.true(reply.json.error?.message.includes(`for ${parameter}, received`));
  });
}
