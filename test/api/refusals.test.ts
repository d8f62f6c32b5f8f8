import test from 'ava';
import { RunningServer } from './running_server.ts';
import { testAgainstSwagger } from './swagger.ts';

const server = await RunningServer.start();
test.after.always(() => server.remove());

const bytes = (count: number, value = 1) => Buffer.alloc(count, value).toString('base64url');
const past = Math.floor(Date.now() / 1000) - 86_400;
const future = Math.floor(Date.now() / 1000) + 86_400;

/** Keys that the rows below speak of, by name. */
const KEYS: Readonly<Record<string, object>> = {
  ec: { kty: 'EC', crv: 'P-256' },
  rsa: { kty: 'RSA', key_size: 2048 },
  oct: { kty: 'oct', key_size: 256 },
  short: { kty: 'oct', key_size: 128, key_ops: ['sign', 'encrypt', 'wrapKey', 'unwrapKey', 'decrypt'] },
  disabled: { kty: 'EC', attributes: { enabled: false } },
  expired: { kty: 'EC', attributes: { exp: past } },
  early: { kty: 'EC', attributes: { nbf: future } },
  'verify-only': { kty: 'EC', key_ops: ['verify'] },
};

test.before(async () => {
  await server.accessToken();
  for (const [name, body] of Object.entries(KEYS)) {
    const { status, json } = await server.post(`/keys/${name}/create`, body);
    if (status !== 200) throw new Error(`${name}: ${JSON.stringify(json)}`);
  }
});

const es256 = { alg: 'ES256', value: bytes(32) };
const ROWS: readonly [what: string, path: string, body: object, status: number, code: string, innerCode?: string][] = [
  ['a digest that is too short', '/keys/ec/sign', { alg: 'ES256', value: bytes(31) }, 400, 'BadParameter'],
  ['a digest that is too long', '/keys/ec/sign', { alg: 'ES256', value: bytes(33) }, 400, 'BadParameter'],
  ['an empty digest', '/keys/ec/sign', { alg: 'ES256', value: '' }, 400, 'BadParameter'],
  ['a digest of another hash', '/keys/rsa/sign', { alg: 'RS256', value: bytes(64) }, 400, 'BadParameter'],
  ['an RSA algorithm with an EC key', '/keys/ec/sign', { alg: 'RS256', value: bytes(32) }, 400, 'BadParameter'],
  ['an algorithm of another curve', '/keys/ec/sign', { alg: 'ES384', value: bytes(48) }, 400, 'BadParameter'],
  ['an EC algorithm with an oct key', '/keys/short/sign', es256, 400, 'BadParameter'],
  ['HMAC with a key that is too short', '/keys/short/sign', { alg: 'HS256', value: bytes(32) }, 400, 'BadParameter'],
  ['an algorithm that does not sign', '/keys/rsa/sign', { alg: 'RSA-OAEP', value: bytes(32) }, 400, 'BadParameter'],
  ['an algorithm that does not encrypt', '/keys/rsa/encrypt', { alg: 'RS256', value: bytes(32) }, 400, 'BadParameter'],
  ['an algorithm of another size', '/keys/short/encrypt', { alg: 'A256GCM', value: bytes(32) }, 400, 'BadParameter'],
  ['too much for RSA-OAEP', '/keys/rsa/encrypt', { alg: 'RSA-OAEP', value: bytes(215) }, 400, 'BadParameter'],
  ['too much for RSA-OAEP-256', '/keys/rsa/wrapkey', { alg: 'RSA-OAEP-256', value: bytes(191) }, 400, 'BadParameter'],
  ['too much for AES', '/keys/oct/encrypt', { alg: 'A256GCM', value: bytes(64 * 1024) }, 400, 'BadParameter'],
  ['an iv for GCM', '/keys/oct/encrypt', { alg: 'A256GCM', value: bytes(16), iv: bytes(12) }, 400, 'BadParameter'],
  [
    'an iv of a wrong length',
    '/keys/oct/encrypt',
    { alg: 'A256CBC', value: bytes(16), iv: bytes(12) },
    400,
    'BadParameter',
  ],
  ['half a block for CBC', '/keys/oct/encrypt', { alg: 'A256CBC', value: bytes(15) }, 400, 'BadParameter'],
  ['an odd length for key wrap', '/keys/oct/wrapkey', { alg: 'A256KW', value: bytes(17) }, 400, 'BadParameter'],
  ['no tag for GCM', '/keys/oct/decrypt', { alg: 'A256GCM', value: bytes(16), iv: bytes(12) }, 400, 'BadParameter'],
  [
    'a wrong tag',
    '/keys/oct/decrypt',
    { alg: 'A256GCM', value: bytes(16), iv: bytes(12), tag: bytes(16) },
    400,
    'DecryptionFailed',
  ],
  [
    'a broken OAEP ciphertext',
    '/keys/rsa/decrypt',
    { alg: 'RSA-OAEP-256', value: bytes(256) },
    400,
    'DecryptionFailed',
  ],
  ['a broken PKCS#1 ciphertext', '/keys/rsa/decrypt', { alg: 'RSA1_5', value: bytes(256) }, 400, 'DecryptionFailed'],
  ['a broken key wrap', '/keys/oct/unwrapkey', { alg: 'A256KW', value: bytes(24) }, 400, 'DecryptionFailed'],
  [
    'broken padding',
    '/keys/oct/decrypt',
    { alg: 'A256CBCPAD', value: bytes(16), iv: bytes(16) },
    400,
    'DecryptionFailed',
  ],
  ['an unknown key', '/keys/nothing/sign', es256, 404, 'KeyNotFound'],
  ['an unknown version', `/keys/ec/${'0'.repeat(32)}/sign`, es256, 404, 'KeyNotFound'],
  ['a disabled key', '/keys/disabled/sign', es256, 403, 'Forbidden', 'KeyDisabled'],
  ['an expired key', '/keys/expired/sign', es256, 403, 'Forbidden', 'KeyExpired'],
  ['a key whose time has not come', '/keys/early/sign', es256, 403, 'Forbidden', 'KeyNotYetValid'],
  ['a key that may not sign', '/keys/verify-only/sign', es256, 403, 'Forbidden', 'KeyOperationForbidden'],
  [
    'a key that does not wrap',
    '/keys/ec/wrapkey',
    { alg: 'RSA-OAEP', value: bytes(16) },
    403,
    'Forbidden',
    'KeyOperationForbidden',
  ],
  [
    'an operation that the kind of key cannot do',
    '/keys/new/create',
    { kty: 'EC', key_ops: ['encrypt'] },
    400,
    'BadParameter',
  ],
  ['an exponent that is even', '/keys/new/create', { kty: 'RSA', public_exponent: 4 }, 400, 'BadParameter'],
  [
    'too many tags',
    '/keys/new/create',
    { kty: 'EC', tags: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`t${i}`, 'v'])) },
    400,
    'BadParameter',
  ],
  ['a tag that is too long', '/keys/new/create', { kty: 'EC', tags: { a: 'v'.repeat(257) } }, 400, 'BadParameter'],
  [
    'an end before the beginning',
    '/keys/new/create',
    { kty: 'EC', attributes: { nbf: 2, exp: 1 } },
    400,
    'BadParameter',
  ],
];

for (const [what, path, body, status, code, innerCode] of ROWS) {
  test.serial(`${path} with ${what} is refused with ${status} ${innerCode ?? code}`, async (t) => {
    const answer = await server.post(path, body);
    t.is(answer.status, status, JSON.stringify(answer.json));
    t.is(answer.json.error?.code, code);
    t.is(answer.json.error?.innererror?.code, innerCode);
    t.regex(answer.json.error?.message ?? '', /\(Activity ID: [0-9a-f-]{36}\)$/);
    t.notRegex(answer.json.error?.message ?? '', /CKR_|C_[A-Z]|\/usr|\/tmp|SQL/);
  });
}

test.serial('decryption fails in the same words whatever the reason', async (t) => {
  const failures = ROWS.filter(([, , , , code]) => code === 'DecryptionFailed');
  const answers = await Promise.all(failures.map(([, path, body]) => server.post(path, body)));
  const messages = answers.map(({ json }) => json.error?.message.replace(/ \(Activity ID: .*/, ''));
  t.is(new Set(messages).size, 1);
});

test.serial('what an expired key may still do it does', async (t) => {
  const { status, json } = await server.post('/keys/expired/verify', {
    alg: 'ES256',
    digest: bytes(32),
    value: bytes(64),
  });
  t.is(status, 200);
  t.deepEqual(json as object, { value: false });
});

test.serial('a signature of any length but the right one is false and no error', async (t) => {
  for (const length of [0, 1, 63, 65, 200]) {
    const { status, json } = await server.post('/keys/ec/verify', {
      alg: 'ES256',
      digest: bytes(32),
      value: bytes(length),
    });
    t.is(status, 200);
    t.deepEqual(json as object, { value: false });
  }
});

testAgainstSwagger('every refusal is as the swagger describes it', () => server.exchanges, ROWS.length);
