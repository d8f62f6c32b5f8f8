import test from 'ava';
import { RunningServer } from './running_server.ts';
import { testAgainstSwagger } from './swagger.ts';

const server = await RunningServer.start();
test.after.always(() => server.remove());

const encoded = (text: string) => Buffer.from(text).toString('base64url');
const NO_VERSION = '0'.repeat(32);
const policy = { data: encoded('{"version":"1.0.0","anyOf":[{"authority":"https://a.example","allOf":[]}]}') };
let backup = '';

test.before(async () => {
  await server.accessToken();
  for (const [name, body] of Object.entries({
    ec: { kty: 'EC' },
    rsa: { kty: 'RSA', key_ops: ['import'] },
    oct: { kty: 'oct' },
    gone: { kty: 'EC' },
    purged: { kty: 'EC' },
  })) {
    const { status, json } = await server.post(`/keys/${name}/create`, body);
    if (status !== 200) throw new Error(`${name}: ${JSON.stringify(json)}`);
  }
  backup = String((await server.post('/keys/ec/backup', {})).json.value);
  for (const name of ['gone', 'purged']) await server.send('DELETE', `/keys/${name}`);
  const { status } = await server.send('DELETE', '/deletedkeys/purged');
  if (status !== 204) throw new Error(`purge: ${status}`);
});

const blob = (kek: string, ciphertext = 'AQID') =>
  encoded(
    JSON.stringify({
      schema_version: '1.0.0',
      header: { kid: `${server.url}/keys/${kek}`, alg: 'dir', enc: 'CKM_RSA_AES_KEY_WRAP' },
      ciphertext,
    }),
  );
const rotate = (members: object) => ({ lifetimeActions: [{ trigger: members, action: { type: 'Rotate' } }] });

type Row = readonly [
  what: string,
  method: string,
  path: string,
  body: (() => object) | undefined,
  status: number,
  code: string,
  innerCode?: string,
];

const ROWS: readonly Row[] = [
  ['an unknown key', 'GET', '/keys/nothing', undefined, 404, 'KeyNotFound'],
  ['an unknown version', 'GET', `/keys/ec/${NO_VERSION}`, undefined, 404, 'KeyNotFound'],
  ['an unknown key', 'PATCH', '/keys/nothing', () => ({ tags: {} }), 404, 'KeyNotFound'],
  ['an unknown version', 'PATCH', `/keys/ec/${NO_VERSION}`, () => ({ tags: {} }), 404, 'KeyNotFound'],
  ['an operation of other keys', 'PATCH', '/keys/ec', () => ({ key_ops: ['encrypt'] }), 400, 'BadParameter'],
  ['import beside others', 'PATCH', '/keys/rsa', () => ({ key_ops: ['import', 'sign'] }), 400, 'BadParameter'],
  ['an end before the beginning', 'PATCH', '/keys/ec', () => ({ attributes: { nbf: 2, exp: 1 } }), 400, 'BadParameter'],
  ['a policy for a key that stays', 'PATCH', '/keys/ec', () => ({ release_policy: policy }), 400, 'BadParameter'],
  ['exportable from now on', 'PATCH', '/keys/ec', () => ({ attributes: { exportable: true } }), 400, 'BadParameter'],
  ['an unknown key', 'DELETE', '/keys/nothing', undefined, 404, 'KeyNotFound'],
  ['a key that is deleted', 'DELETE', '/keys/gone', undefined, 404, 'KeyNotFound'],
  ['a key that is deleted', 'GET', '/keys/gone', undefined, 404, 'KeyNotFound'],
  ['a key that is deleted', 'GET', '/keys/gone/versions', undefined, 404, 'KeyNotFound'],
  ['a key that is deleted', 'POST', '/keys/gone/rotate', undefined, 404, 'KeyNotFound'],
  ['a key that is deleted', 'POST', '/keys/gone/backup', undefined, 404, 'KeyNotFound'],
  ['a key that is deleted', 'GET', '/keys/gone/rotationpolicy', undefined, 404, 'KeyNotFound'],
  [
    'a name that a deleted key has',
    'POST',
    '/keys/gone/create',
    () => ({ kty: 'EC' }),
    409,
    'Conflict',
    'ObjectIsDeletedButRecoverable',
  ],
  [
    'a name that a deleted key has',
    'PUT',
    '/keys/gone',
    () => ({ key: { kty: 'oct', k: encoded('k'.repeat(32)) } }),
    409,
    'Conflict',
    'ObjectIsDeletedButRecoverable',
  ],
  ['a key that is not deleted', 'GET', '/deletedkeys/ec', undefined, 404, 'KeyNotFound'],
  ['a key that is not deleted', 'POST', '/deletedkeys/ec/recover', undefined, 404, 'KeyNotFound'],
  ['a key that is not deleted', 'DELETE', '/deletedkeys/ec', undefined, 404, 'KeyNotFound'],
  ['a key that is purged', 'POST', '/deletedkeys/purged/recover', undefined, 404, 'KeyNotFound'],
  ['a key that is purged', 'DELETE', '/deletedkeys/purged', undefined, 404, 'KeyNotFound'],
  ['an unknown key', 'GET', '/keys/nothing/versions', undefined, 404, 'KeyNotFound'],
  ['a key without a policy', 'POST', '/keys/ec/rotate', undefined, 400, 'BadParameter', 'KeyRotationPolicyNotSet'],
  [
    'an unknown key',
    'PUT',
    '/keys/nothing/rotationpolicy',
    () => rotate({ timeAfterCreate: 'P30D' }),
    404,
    'KeyNotFound',
  ],
  [
    'a duration that is none',
    'PUT',
    '/keys/ec/rotationpolicy',
    () => rotate({ timeAfterCreate: '30 days' }),
    400,
    'BadParameter',
  ],
  [
    'a rotation each week',
    'PUT',
    '/keys/ec/rotationpolicy',
    () => rotate({ timeAfterCreate: 'P7D' }),
    400,
    'BadParameter',
  ],
  [
    'a rotation before an end that there is not',
    'PUT',
    '/keys/ec/rotationpolicy',
    () => rotate({ timeBeforeExpiry: 'P30D' }),
    400,
    'BadParameter',
  ],
  [
    'an expiry of a week',
    'PUT',
    '/keys/ec/rotationpolicy',
    () => ({ attributes: { expiryTime: 'P7D' } }),
    400,
    'BadParameter',
  ],
  [
    'two rotations',
    'PUT',
    '/keys/ec/rotationpolicy',
    () => ({
      lifetimeActions: [
        ...rotate({ timeAfterCreate: 'P30D' }).lifetimeActions,
        ...rotate({ timeAfterCreate: 'P40D' }).lifetimeActions,
      ],
    }),
    400,
    'BadParameter',
  ],
  ['an unknown key', 'POST', '/keys/nothing/backup', undefined, 404, 'KeyNotFound'],
  ['no backup', 'POST', '/keys/restore', () => ({ value: '' }), 400, 'BadParameter'],
  ['something else', 'POST', '/keys/restore', () => ({ value: encoded('backup') }), 400, 'BadParameter'],
  [
    'half a backup',
    'POST',
    '/keys/restore',
    () => ({ value: backup.slice(0, backup.length / 2 - ((backup.length / 2) % 4)) }),
    400,
    'BadParameter',
  ],
  ['a backup of a key that is there', 'POST', '/keys/restore', () => ({ value: backup }), 409, 'Conflict'],
  ['an unknown key', 'GET', '/keys/nothing/attestation', undefined, 404, 'KeyNotFound'],
  ['no attestation token', 'POST', '/keys/ec/release', () => ({ target: 'token' }), 400, 'BadParameter'],
  ['an algorithm of RSA', 'POST', '/keys/oct/securewrapkey', () => ({ alg: 'RSA-OAEP-256' }), 400, 'BadParameter'],
  ['an algorithm of another size', 'POST', '/keys/oct/securewrapkey', () => ({ alg: 'A128KW' }), 400, 'BadParameter'],
  [
    'an unknown exchange key',
    'PUT',
    '/keys/byok',
    () => ({ key: { kty: 'RSA-HSM', key_hsm: blob('nothing') } }),
    404,
    'KeyNotFound',
  ],
  [
    'an exchange key that may not import',
    'PUT',
    '/keys/byok',
    () => ({ key: { kty: 'RSA-HSM', key_hsm: blob('oct') } }),
    403,
    'Forbidden',
    'KeyOperationForbidden',
  ],
  [
    'a transfer blob with nothing in it',
    'PUT',
    '/keys/byok',
    () => ({ key: { kty: 'RSA-HSM', key_hsm: blob('rsa') } }),
    400,
    'BadParameter',
    'WrappedKeyInvalid',
  ],
  [
    'a transfer blob of another key',
    'PUT',
    '/keys/byok',
    () => ({ key: { kty: 'oct-HSM', key_hsm: blob('rsa', encoded('x'.repeat(296))) } }),
    400,
    'BadParameter',
    'WrappedKeyInvalid',
  ],
  [
    'an oct key of 5 bytes',
    'PUT',
    '/keys/new',
    () => ({ key: { kty: 'oct', k: encoded('short') } }),
    400,
    'BadParameter',
  ],
  [
    'a broken release policy',
    'POST',
    '/keys/new/create',
    () => ({ kty: 'EC', attributes: { exportable: true }, release_policy: { data: encoded('{') } }),
    400,
    'BadParameter',
  ],
  [
    'a release policy of another version',
    'POST',
    '/keys/new/create',
    () => ({ kty: 'EC', attributes: { exportable: true }, release_policy: { data: encoded('{"version":"9"}') } }),
    400,
    'BadParameter',
  ],
  ['an unknown setting', 'GET', '/settings/nothing', undefined, 404, 'NotFound'],
  ['an unknown setting', 'PATCH', '/settings/nothing', () => ({ value: 'true' }), 404, 'NotFound'],
];

for (const [index, [what, method, path, body, status, code, innerCode]] of ROWS.entries()) {
  test.serial(`${index}: ${method} ${path} of ${what} is refused with ${status} ${innerCode ?? code}`, async (t) => {
    const answer = await server.send(method, path, body === undefined ? undefined : JSON.stringify(body()));
    t.is(answer.status, status, JSON.stringify(answer.json));
    t.is(answer.json.error?.code, code, JSON.stringify(answer.json));
    t.is(answer.json.error?.innererror?.code, innerCode);
    t.regex(answer.json.error?.message ?? '', /\(Activity ID: [0-9a-f-]{36}\)$/);
    t.notRegex(answer.json.error?.message ?? '', /CKR_|C_[A-Z]|\/usr|\/tmp|SQL/);
  });
}

test.serial('what was refused has changed nothing', async (t) => {
  const { json } = await server.get('/keys');
  const names = (json.value as { kid: string }[]).map(({ kid }) => kid.split('/').at(-1));
  t.deepEqual(names, ['ec', 'oct', 'rsa']);
  const versions = (await server.get('/keys/ec/versions')).json.value as unknown[];
  t.is(versions.length, 1);
});

test.serial('nothing of it was a mistake of the server', (t) => {
  t.false(server.output.includes('"level":50'), server.output);
});

testAgainstSwagger('every refusal is as the swagger describes it', () => server.exchanges, ROWS.length);
