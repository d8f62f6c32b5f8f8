import { exportJWK } from 'jose';
import {
  type Claims,
  compact,
  goodClaims,
  goodToken,
  OTHER_AUDIENCE,
  OTHER_ISSUER,
  otherToken,
  RS256_HEADER,
  rs256,
  strangerRsa,
} from '../token_fixture.ts';
import type { BadToken } from './bad_token.ts';

const CLAIMS = goodClaims();
const strangerJwk = { ...(await exportJWK(strangerRsa.publicKey)), kid: 'rsa', alg: 'RS256' };
const byStranger = (header: Claims, claims: Claims = CLAIMS): string =>
  compact({ ...RS256_HEADER, ...header }, claims, rs256(strangerRsa.privateKey));

/** Where a header may say that its key is (RFC 7515 §4.1). `url` is that of a server that counts who asks. */
export function tokensWithKeys(url: string): readonly BadToken[] {
  const places: readonly [what: string, members: Claims][] = [
    ['jku', { jku: url }],
    ['x5u', { x5u: url }],
    ['jku and x5u', { jku: url, x5u: url }],
    ['jku with a name of ours in it', { jku: `${url}?https://login.localhost:8443/discovery/keys` }],
    ['a list of jku', { jku: [url] }],
    ['iss in the header', { iss: url, jku: `${url}/.well-known/openid-configuration` }],
    ['jwk', { jwk: strangerJwk }],
    ['jwk as text', { jwk: JSON.stringify(strangerJwk) }],
    ['jwk that points elsewhere', { jwk: { ...strangerJwk, x5u: url } }],
    ['x5c', { x5c: [strangerRsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] }],
    ['x5c that is no list', { x5c: 'AAAA' }],
    ['x5t', { x5t: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
    ['x5t#S256', { 'x5t#S256': 'A'.repeat(43) }],
    ['a key set', { jwks: { keys: [strangerJwk] }, jwks_uri: url }],
    ['a key under `key`', { key: strangerJwk, keys: [strangerJwk] }],
    ['epk', { epk: strangerJwk, apu: 'AA', apv: 'AA' }],
  ];
  const kids: readonly [which: string, header: Claims][] = [
    ['our kid', {}],
    ['an unknown kid', { kid: 'stranger' }],
    ['no kid', { kid: undefined }],
    ['its address for kid', { kid: url }],
  ];
  return places.flatMap(([what, members]) =>
    kids.map(
      ([which, header]): BadToken => [`a stranger's key by ${what}, ${which}`, byStranger({ ...members, ...header })],
    ),
  );
}

/** Names of keys that lead somewhere else in careless verifiers. Nothing but a key of the issuer's is found by one. */
function* kids(): Iterable<BadToken> {
  const texts = [
    'unknown',
    'RSA',
    'rsa ',
    ' rsa',
    'rsa\u0000',
    'r\u0455a',
    '',
    '../../etc/passwd',
    '../../../../dev/null',
    '/dev/null',
    'file:///dev/null',
    'C:\\windows\\win.ini',
    "' or 1=1 --",
    "x' UNION SELECT 'key",
    '"; drop table key; --',
    '$(id)',
    '`id`',
    '| id',
    '{{7*7}}',
    '\u0024{jndi:ldap://127.0.0.1:9/a}',
    '%2e%2e%2f',
    'rsa\r\nx: y',
    '*',
    'rsa,ec',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'undefined',
    'null',
    '0',
    'k'.repeat(10_000),
  ];
  for (const kid of texts)
    yield [`a good signature under the kid ${JSON.stringify(kid).slice(0, 40)}`, goodToken({}, { kid })];
  for (const kid of [null, 0, 1, true, [], ['rsa'], { kid: 'rsa' }]) {
    yield [`a good signature under the kid ${JSON.stringify(kid)}`, goodToken({}, { kid })];
  }
  yield ['no kid where two keys might do', compact({ alg: 'RS256' }, CLAIMS, rs256(strangerRsa.privateKey))];
}

/** RFC 7515 §4.1.11 and RFC 7797: nothing is critical that we know, and no payload is unencoded. */
function* extensions(): Iterable<BadToken> {
  const rows: readonly Claims[] = [
    { crit: ['x'], x: 1 },
    { crit: ['x'] },
    { crit: ['exp'], exp: 1 },
    { crit: ['alg'] },
    { crit: ['kid'] },
    { crit: ['http://example.org/extension'], 'http://example.org/extension': true },
    { crit: [] },
    { crit: 'b64' },
    { crit: null },
    { crit: {} },
    { crit: [1] },
    { crit: [''] },
    { crit: ['b64'], b64: false },
    { crit: ['b64'], b64: true },
    { crit: ['b64', 'b64'], b64: true },
    { crit: ['b64'] },
    { b64: false },
    { b64: true },
    { b64: 'false' },
  ];
  for (const header of rows) yield [`a header with ${JSON.stringify(header)}`, goodToken({}, header)];
}

/** RFC 8725 §3.11: what says that it is for something else. */
function* types(): Iterable<BadToken> {
  const names = [
    'id_token',
    'id+jwt',
    'logout+jwt',
    'dpop+jwt',
    'secevent+jwt',
    'oauth-authz-req+jwt',
    'token-introspection+jwt',
  ];
  const others = [
    'JWE',
    'JOSE',
    'JOSE+JSON',
    'vc+sd-jwt',
    'entity-statement+jwt',
    'kb+jwt',
    'client-authentication+jwt',
  ];
  const almost = ['', 'JWT ', 'at+jwt;charset=utf-8', 'application/jwt', 'application/id+jwt', 'key-release+jws'];
  for (const typ of [...names, ...others, ...almost]) yield [`typ ${JSON.stringify(typ)}`, goodToken({}, { typ })];
  for (const typ of [1, true, null, [], ['JWT'], { typ: 'JWT' }]) {
    yield [`typ ${JSON.stringify(typ)}`, goodToken({}, { typ })];
  }
  const audience = { iss: OTHER_ISSUER, aud: OTHER_AUDIENCE };
  yield ['an ID token of the other issuer', otherToken({ ...audience, nonce: 'n-0S6_WzA2Mj' })];
  yield ['an ID token with at_hash', otherToken({ at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' })];
  yield ['an ID token with c_hash', otherToken({ c_hash: 'LDktKdoQak3Pk0cnXxCltA' })];
  yield ['a logout token', otherToken({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } })];
  yield ['an ID token of ours', goodToken({ aud: '00000000-0000-4000-8000-000000000001', nonce: '1' })];
  yield ['an ID token of ours for this audience', goodToken({ nonce: '1' })];
}

export const BAD_HEADERS: readonly BadToken[] = [...kids(), ...extensions(), ...types()];
