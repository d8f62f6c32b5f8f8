import { LIMITS } from '../../src/model/limits.ts';
import type { Malformed } from './malformed_request.ts';

type Rows = readonly (readonly [what: string, body: unknown])[];

const nested = (depth: number, open: string, close: string) => `{"x":${open.repeat(depth)}1${close.repeat(depth)}}`;

/** What no route with a body takes. */
const NO_JSON: Rows = [
  ['no body', ''],
  ['blanks', '  '],
  ['half an object', '{"value":'],
  ['an object too many', '{}{}'],
  ['a trailing comma', '{"value":"AQID",}'],
  ['single quotes', "{'value':'AQID'}"],
  ['NaN', '{"value":NaN}'],
  ['a form', 'value=AQID'],
  ['XML', '<value/>'],
  ['a byte order mark', '\ufeff{}'],
  ['UTF-16', Buffer.from('{"value":"AQID"}', 'utf16le')],
  ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
  ['zeros', Buffer.alloc(64)],
  ['a list', '[]'],
  ['a text', '"value"'],
  ['a number', '1'],
  ['null', 'null'],
  ['a member twice', '{"value":"AQID","value":"AQID"}'],
  ['a member twice under two spellings', '{"value":"AQID","\\u0076alue":"AQID"}'],
  ['objects too deep', nested(LIMITS.jsonDepth, '{"x":', '}')],
  ['lists too deep', nested(50_000, '[', ']')],
  ['too many members', JSON.stringify({ x: Array.from({ length: LIMITS.jsonMembers }, () => ({ y: 1 })) })],
];

const policy = (members: object) => ({ kty: 'EC', attributes: { exportable: true }, release_policy: members });

const CREATE: Rows = [
  ['no kty', {}],
  ['kty as a number', { kty: 5 }],
  ['an empty kty', { kty: '' }],
  ['kty OKP', { kty: 'OKP' }],
  ['a size of text', { kty: 'RSA', key_size: '2048' }],
  ['RSA of 1024 bits', { kty: 'RSA', key_size: 1024 }],
  ['RSA of 2047 bits', { kty: 'RSA', key_size: 2047 }],
  ['RSA of -2048 bits', { kty: 'RSA', key_size: -2048 }],
  ['oct of 512 bits', { kty: 'oct', key_size: 512 }],
  ['a size of EC', { kty: 'EC', key_size: 256 }],
  ['a curve of oct', { kty: 'oct', crv: 'P-256' }],
  ['a curve as a number', { kty: 'EC', crv: 256 }],
  ['an exponent of EC', { kty: 'EC', public_exponent: 3 }],
  ['an exponent of text', { kty: 'RSA', public_exponent: 'AQAB' }],
  ['key_ops as a text', { kty: 'EC', key_ops: 'sign' }],
  ['key_ops of null', { kty: 'EC', key_ops: [null] }],
  ['an unknown key op', { kty: 'EC', key_ops: ['derive'] }],
  ['attributes as a list', { kty: 'EC', attributes: [] }],
  ['enabled as a number', { kty: 'EC', attributes: { enabled: 1 } }],
  ['exp as a date', { kty: 'EC', attributes: { exp: '2030-01-01' } }],
  ['nbf before 1970', { kty: 'EC', attributes: { nbf: -1 } }],
  ['exp in milliseconds', { kty: 'EC', attributes: { exp: 1_900_000_000_000_000 } }],
  ['exportable as a text', { kty: 'EC', attributes: { exportable: 'true' } }],
  ['exportable without policy', { kty: 'EC', attributes: { exportable: true } }],
  ['a policy without exportable', { kty: 'EC', release_policy: { data: 'e30' } }],
  ['a policy that is a text', policy('e30' as never)],
  ['a policy without data', policy({ contentType: 'application/json' })],
  ['a policy with data as an object', policy({ data: {} })],
  ['a policy in base64', policy({ data: 'e30+/w' })],
  ['a policy of another media type', policy({ data: 'e30', contentType: 'text/plain' })],
  ['an immutable policy of text', policy({ data: 'e30', immutable: 'true' })],
  ['tags as a list', { kty: 'EC', tags: ['a'] }],
  ['a tag as null', { kty: 'EC', tags: { a: null } }],
  ['half a character in a tag', '{"kty":"EC","tags":{"\\udc00":"a"}}'],
];

const IMPORT: Rows = [
  ['no key', { Hsm: true }],
  ['a key as a text', { key: 'AQID' }],
  ['a key without kty', { key: { k: 'AQID' } }],
  ['oct without k', { key: { kty: 'oct' } }],
  ['oct with an empty k', { key: { kty: 'oct', k: '' } }],
  ['oct with k as a number', { key: { kty: 'oct', k: 1 } }],
  ['EC without a curve', { key: { kty: 'EC', x: 'AQ', y: 'AQ', d: 'AQ' } }],
  ['EC with short coordinates', { key: { kty: 'EC', crv: 'P-256', x: 'AQ', y: 'AQ', d: 'AQ' } }],
  ['RSA of the public half', { key: { kty: 'RSA', n: 'AQ', e: 'AQAB' } }],
  ['RSA without primes', { key: { kty: 'RSA', n: 'AQ', e: 'AQAB', d: 'AQ' } }],
  ['base64 with plus', { key: { kty: 'oct', k: 'AQ+/' } }],
  ['an unknown key op', { key: { kty: 'oct', k: 'AQID', key_ops: ['x'] } }],
  ['a transfer blob that is none', { key: { kty: 'RSA-HSM', key_hsm: 'AQID' } }],
  ['a transfer blob that is a number', { key: { kty: 'RSA-HSM', key_hsm: 1 } }],
];

const UPDATE: Rows = [
  ['key_ops as an object', { key_ops: {} }],
  ['an unknown key op', { key_ops: ['unwrap'] }],
  ['enabled as null', { attributes: { enabled: null } }],
  ['exp in fractions', { attributes: { exp: 1.5 } }],
  ['a tag as a list', { tags: { a: [] } }],
  ['a policy without data', { release_policy: {} }],
];

const ROTATION_POLICY: Rows = [
  ['actions as an object', { lifetimeActions: {} }],
  ['an action as a text', { lifetimeActions: ['Rotate'] }],
  ['an action without type', { lifetimeActions: [{ trigger: { timeAfterCreate: 'P30D' } }] }],
  ['an unknown action', { lifetimeActions: [{ action: { type: 'Delete' } }] }],
  ['a trigger as a text', { lifetimeActions: [{ trigger: 'P30D', action: { type: 'Rotate' } }] }],
  ['a time in numbers', { lifetimeActions: [{ trigger: { timeAfterCreate: 30 }, action: { type: 'Rotate' } }] }],
  ['attributes as a text', { attributes: 'P90D' }],
  ['an expiry in numbers', { attributes: { expiryTime: 90 } }],
];

const SIGN: Rows = [
  ['no alg', { value: 'AQID' }],
  ['no value', { alg: 'ES256' }],
  ['alg as null', { alg: null, value: 'AQID' }],
  ['an unknown alg', { alg: 'none', value: 'AQID' }],
  ['the alg of every object', { alg: '__proto__', value: 'AQID' }],
  ['a value as bytes', { alg: 'ES256', value: [1, 2, 3] }],
  ['a value in base64', { alg: 'ES256', value: '//8=' }],
  ['a value with a line break', { alg: 'ES256', value: 'AQ\r\nID' }],
  ['a value of one digit', { alg: 'ES256', value: 'A' }],
  ['a value with bits behind the end', { alg: 'ES256', value: 'AQJ' }],
  ['a value with padding in front', { alg: 'ES256', value: '=AQID' }],
];

const VERIFY: Rows = [
  ['no digest', { alg: 'ES256', value: 'AQID' }],
  ['a digest as a number', { alg: 'ES256', digest: 1, value: 'AQID' }],
  ['a broken digest', { alg: 'ES256', digest: '!', value: 'AQID' }],
];

const ENCRYPT: Rows = [
  ['iv as a number', { alg: 'A128CBC', value: 'AQID', iv: 0 }],
  ['a broken iv', { alg: 'A128CBC', value: 'AQID', iv: '?' }],
  ['aad as null', { alg: 'A128GCM', value: 'AQID', aad: null }],
  ['a tag as a list', { alg: 'A128GCM', value: 'AQID', tag: [] }],
];

const RELEASE: Rows = [
  ['no target', {}],
  ['an empty target', { target: '' }],
  ['a target as an object', { target: {} }],
  ['a nonce as a number', { target: 't', nonce: 1 }],
  ['a long nonce', { target: 't', nonce: 'n'.repeat(1025) }],
  ['an unknown enc', { target: 't', enc: 'A256KW' }],
];

const SECURE_UNWRAP: Rows = [
  ['no target', { alg: 'A256KW', value: 'AQID' }],
  ['an alg of encrypt', { alg: 'A256GCM', value: 'AQID', target: 't' }],
  ['a broken value', { alg: 'A256KW', value: '*', target: 't' }],
];

const BATCH: Rows = [
  ['no operations', {}],
  ['no items', { operations: [] }],
  ['operations as a text', { operations: 'sign' }],
  ['an item too many', { operations: Array.from({ length: LIMITS.batchItems + 1 }, () => null) }],
];

const RANDOM: Rows = [
  ['no count', {}],
  ['a count of 0', { count: 0 }],
  ['a count of 129', { count: 129 }],
  ['a count in fractions', { count: 1.5 }],
  ['a count as a text', { count: '8' }],
  ['a count beyond all numbers', '{"count":1e400}'],
];

const SETTING: Rows = [
  ['no value', {}],
  ['a value that is no text', { value: true }],
  ['a value that is neither', { value: 'yes' }],
];

const RESTORE: Rows = [
  ['no value', {}],
  ['a value as a number', { value: 1 }],
  ['a value in base64', { value: 'AQ==AQ==' }],
];

const LOCATION = { storageResourceUri: 'https://account.blob.example/c', token: 'sig=1' };
const BACKUP: Rows = [
  ['no storage', {}],
  ['a storage as a number', { storageResourceUri: 1, token: 'sig=1' }],
  ['a token as a number', { ...LOCATION, token: 1 }],
  ['a managed identity', { ...LOCATION, useManagedIdentity: true }],
  ['a managed identity as a text', { ...LOCATION, useManagedIdentity: 'true' }],
];
const POOL_RESTORE: Rows = [
  ['no storage', { folderToRestore: 'f', folder: 'f' }],
  [
    'a storage that is a text',
    { sasTokenParameters: 'https://account.blob.example/c', folderToRestore: 'f', folder: 'f' },
  ],
  ['a storage without a URI', { sasTokenParameters: { token: 'sig=1' }, folderToRestore: 'f', folder: 'f' }],
  ['no folder', { sasTokenParameters: LOCATION }],
  ['a folder as a number', { sasTokenParameters: LOCATION, folderToRestore: 1, folder: 1 }],
];

const ROUTES: readonly (readonly [method: string, path: string, rows: Rows])[] = [
  ['POST', '/keys/k1/sign', NO_JSON],
  ['PATCH', '/keys/k1', NO_JSON.slice(0, 5)],
  ['PUT', '/keys/k1/rotationpolicy', NO_JSON.slice(0, 5)],
  ['POST', '/keys/k1/create', CREATE],
  ['PUT', '/keys/k1', IMPORT],
  ['PATCH', '/keys/k1', UPDATE],
  ['PUT', '/keys/k1/rotationpolicy', ROTATION_POLICY],
  ['POST', '/keys/k1/sign', SIGN],
  ['POST', '/keys/k1/verify', VERIFY],
  ['POST', '/keys/k1/encrypt', ENCRYPT],
  ['POST', '/keys/k1/wrapkey', SIGN.slice(0, 4)],
  ['POST', '/keys/k1/release', RELEASE],
  ['POST', '/keys/k1/securewrapkey', [['an alg of encrypt', { alg: 'RSA1_5' }]]],
  ['POST', '/keys/k1/secureunwrapkey', SECURE_UNWRAP],
  ['POST', '/keys/k1/batch', BATCH],
  ['POST', '/rng', RANDOM],
  ['PATCH', '/settings/first', SETTING],
  ['POST', '/keys/restore', RESTORE],
  ['POST', '/backup', BACKUP],
  ['POST', '/prebackup', BACKUP.slice(1)],
  ['PUT', '/restore', POOL_RESTORE],
  ['PUT', '/prerestore', POOL_RESTORE],
  ['PUT', '/keys/k1/restore', POOL_RESTORE],
];

const row = (
  method: string,
  path: string,
  what: string,
  body: unknown,
  status = 400,
  code = 'BadParameter',
): Malformed => ({ what, method, path: `${path}?api-version=2025-07-01`, body, status, code });

export const MALFORMED_BODIES: readonly Malformed[] = [
  ...ROUTES.flatMap(([method, path, rows]) => rows.map(([what, body]) => row(method, path, what, body))),
  ...['Ed25519', 'P-255', 'secp256r1', ''].map((crv) =>
    row('POST', '/keys/k1/create', `the curve ${crv}`, { kty: 'EC', crv }, 400, 'KeyCurveNotSupported'),
  ),
  row('POST', '/keys/k1/sign', 'a body too large', 'x'.repeat(LIMITS.requestBodyBytes + 1), 413, 'PayloadTooLarge'),
];
