import type { SeededRandom } from '../fixtures/seeded_random.ts';
import { MALFORMED_BODIES } from '../server/malformed_bodies.ts';
import { MALFORMED_PATHS } from '../server/malformed_paths.ts';

/** What a made-up request needs to come as far as the handlers. */
export interface Credentials {
  readonly host: string;
  readonly accessToken: string;
}

const WORDS = [
  'keys',
  'k1',
  'k2',
  'sign',
  'verify',
  'encrypt',
  'decrypt',
  'wrapkey',
  'unwrapkey',
  'create',
  'import',
  'rng',
  '',
  '..',
  '.',
  '%2e%2e',
  '%2f',
  '%',
  '%zz',
  '%00',
  ';x=1',
  'KEYS',
  'deletedkeys',
  'recover',
  'restore',
  'backup',
  'versions',
  'rotate',
  'rotationpolicy',
  'release',
  'batch',
  'settings',
  '__proto__',
  'constructor',
  'health',
  'ready',
  ':name',
  '*',
  'a'.repeat(127),
  'a'.repeat(128),
  'a'.repeat(2_100),
  '\u00e4',
  'providers',
  'Microsoft.Authorization',
  'roleAssignments',
  'roleDefinitions',
];
const QUERIES = [
  '?api-version=7.6',
  '?api-version=2025-07-01',
  '',
  '?api-version=1',
  '?api-version=7.4%00',
  '?api-version=7.6&api-version=7.5',
  '?&&=',
  '?maxresults=-1&api-version=7.6',
];
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];
const VALUES: readonly unknown[] = [
  'ES256',
  'RSA-OAEP',
  'A256GCM',
  'AQID',
  'EC-HSM',
  'oct-HSM',
  'P-256',
  '',
  0,
  -1,
  1e308,
  2 ** 53,
  true,
  null,
  [],
  {},
  ['sign'],
  { exp: 1 },
  '\ud800',
  '=',
  'A'.repeat(3_000),
];
/** Members that bodies of the API have, and two that no body should. */
export const MEMBERS = [
  'alg',
  'value',
  'kty',
  'key_ops',
  'attributes',
  'tags',
  'count',
  '__proto__',
  'constructor',
  'exp',
  'crv',
  'key',
  'target',
  'operations',
  'lifetimeActions',
  'digest',
  'iv',
  'release_policy',
  'key_hsm',
];
const GOOD: readonly (readonly [method: string, path: string, body: unknown])[] = [
  ['GET', '/keys', undefined],
  ['GET', '/keys/k1', undefined],
  ['GET', '/deletedkeys', undefined],
  ['POST', '/keys/k1/create', { kty: 'EC-HSM', crv: 'P-256' }],
  ['POST', '/keys/k2/create', { kty: 'oct-HSM', key_size: 256 }],
  ['POST', '/keys/k1/sign', { alg: 'ES256', value: Buffer.alloc(32, 1).toString('base64url') }],
  ['POST', '/keys/k2/encrypt', { alg: 'A256GCM', value: 'AQID' }],
  ['POST', '/rng', { count: 32 }],
  ['DELETE', '/keys/k2', undefined],
  ['POST', '/deletedkeys/k2/recover', {}],
];
const MALFORMED = [...MALFORMED_PATHS, ...MALFORMED_BODIES].filter(({ method }) => method !== 'HEAD');
const HEADERS = [
  '__proto__: 1',
  'x-ms-client-request-id: \u00ff',
  'expect: 100-continue',
  'accept: */*;q=2',
  'cookie: a',
  'x: y',
  'range: bytes=0-1',
  'content-encoding: gzip',
  'accept-encoding: br',
];
const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-7',
  'text/plain',
  '/',
  ';;;',
  'application/JSON;a="b',
];
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** One whole request by the grammar: right more often than not in each of its parts. Nobody answers a HEAD with a body, so that there is none. */
export function makeRequest(random: SeededRandom, { host, accessToken }: Credentials): Buffer {
  const [method, path, body] = makeAsked(random);
  const token = random.chance(0.9) ? accessToken : random.pick(['', 'x', `${accessToken}x`, accessToken.slice(0, -9)]);
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${random.chance(0.97) ? host : 'a'}`];
  if (random.chance(0.95)) lines.push(`authorization: Bearer ${token}`);
  if (random.chance(0.2)) lines.push(random.pick(HEADERS));
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
  if (bytes.length > 0) lines.push(`content-type: ${random.chance(0.9) ? TYPES[0] : random.pick(TYPES)}`);
  if (bytes.length > 0 || WITH_BODY.has(method)) lines.push(`content-length: ${bytes.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}

function makeAsked(random: SeededRandom): [method: string, path: string, body: string | Uint8Array | undefined] {
  if (random.chance(0.3)) {
    const { method, path, body } = random.pick(MALFORMED);
    return [method, path.replaceAll(/[^\x21-\xff]/g, '?'), textOf(body)];
  }
  if (random.chance(0.5)) {
    const [method, path, body] = random.pick(GOOD);
    return [method, `${path}${QUERIES[0]}`, random.chance(0.5) ? textOf(body) : textOf(mutate(body, random))];
  }
  const parts = Array.from({ length: random.integer(0, 5) }, () => random.pick(WORDS));
  const method = random.pick(METHODS);
  const body = WITH_BODY.has(method) ? JSON.stringify(anything(random, 3)) : undefined;
  return [method, `/${parts.join('/')}${random.pick(QUERIES)}`, body];
}

function textOf(body: unknown): string | Uint8Array | undefined {
  return body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
}

function mutate(body: unknown, random: SeededRandom): unknown {
  return { ...(body as object | undefined), [random.pick(MEMBERS)]: anything(random, 2) };
}

function anything(random: SeededRandom, depth: number): unknown {
  if (depth === 0 || random.chance(0.4)) return random.pick(VALUES);
  const members = Array.from({ length: random.integer(0, 4) }, () => [
    random.pick(MEMBERS),
    anything(random, depth - 1),
  ]);
  return random.chance(0.2) ? members.map(([, value]) => value) : Object.fromEntries(members);
}

const SPLICES = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  'content-length: 5\r\n',
  'content-length: +5\r\n',
  'content-length: 5, 5\r\n',
  'transfer-encoding: chunked\r\n',
  'transfer-encoding:\r\n chunked\r\n',
  'transfer-encoding: xchunked\r\n',
  'ffffffffffffffff\r\n',
  '5;a=b\r\nhello\r\n0\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'upgrade: h2c\r\n',
  'connection: upgrade\r\n',
  'HTTP/0.9',
  'GET /\r\n',
  'GET http://a/keys HTTP/1.1\r\n',
  'CONNECT a:1 HTTP/1.1\r\n\r\n',
  'x: y\r\n'.repeat(2_100),
  'x: '.padEnd(17_000, 'y'),
];

/** Bytes that are almost a request, or nothing like one. */
export function makeBytes(random: SeededRandom, credentials: Credentials): Buffer {
  if (random.chance(0.1)) return Buffer.from(random.bytes(random.integer(0, 600)));
  let bytes = makeRequest(random, credentials);
  for (let change = random.integer(1, 4); change > 0; change--) {
    const at = random.integer(0, Math.min(bytes.length, 400));
    const piece = random.chance(0.6)
      ? Buffer.from(random.pick(SPLICES), 'latin1')
      : Buffer.from(random.bytes(random.integer(1, 4)));
    const rest = bytes.subarray(at + (random.chance(0.5) ? piece.length : 0));
    bytes = Buffer.concat([bytes.subarray(0, at), piece, rest]);
  }
  return random.chance(0.3) ? bytes.subarray(0, random.integer(0, bytes.length)) : bytes;
}
