import { VERSION } from './fake_engine.ts';
import type { Malformed } from './malformed_request.ts';

const Q = '?api-version=2025-07-01';
const SIGN = { alg: 'ES256', value: 'AQID' };

/** Names that none of the paths takes, as they stand in a URL. */
const NAMES: readonly string[] = [
  'a_b',
  'a.b',
  'a%20b',
  'a%2fb',
  '%2e%2e',
  '%00',
  'k%C3%A9',
  'a;b',
  'a,b',
  'k'.repeat(128),
  '%EF%BC%8Fk',
  "a'b",
];

const VERSIONS: readonly string[] = [
  'abc',
  VERSION.toUpperCase().replace('0', 'A'),
  `${VERSION}0`,
  VERSION.slice(1),
  `${VERSION.slice(1)}g`,
  '%00',
  'latest',
  '0123-4567-89ab-cdef-0123-4567-89ab-',
];

const PATHS_OF_NAMES: readonly [method: string, path: (name: string) => string, body: unknown][] = [
  ['POST', (name) => `/keys/${name}/create`, { kty: 'EC' }],
  ['DELETE', (name) => `/keys/${name}`, undefined],
  ['GET', (name) => `/keys/${name}/versions`, undefined],
  ['POST', (name) => `/deletedkeys/${name}/recover`, undefined],
];

const PATHS_OF_VERSIONS: readonly [method: string, path: (version: string) => string, body: unknown][] = [
  ['GET', (version) => `/keys/k1/${version}`, undefined],
  ['PATCH', (version) => `/keys/k1/${version}`, {}],
  ['POST', (version) => `/keys/k1/${version}/sign`, SIGN],
  ['POST', (version) => `/keys/k1/${version}/batch`, { operations: [1] }],
];

const API_VERSIONS: readonly [what: string, query: string][] = [
  ['no api-version', ''],
  ['an empty api-version', '?api-version='],
  ['an api-version of the future', '?api-version=2999-01-01'],
  ['an api-version of vaults', '?api-version=2016-10-01'],
  ['an api-version with a blank', '?api-version=7.4%20'],
  ['an api-version in another spelling', '?API-VERSION=7.4'],
  ['two api-versions', '?api-version=7.4&api-version=7.5'],
  ['an api-version of another type', '?api-version[]=7.4'],
];

const NOWHERE: readonly [method: string, path: string][] = [
  ['GET', '/'],
  ['GET', '/secrets'],
  ['GET', '/certificates/c1'],
  ['POST', '/keys/k1/unknown/word'],
  ['POST', `/keys/k1/${VERSION}/rotate`],
  ['POST', `/keys/k1/${VERSION}/backup`],
  ['GET', `/keys/k1/${VERSION}/versions`],
  ['PUT', `/keys/k1/${VERSION}/rotationpolicy`],
  ['DELETE', `/deletedkeys/k1/${VERSION}`],
  ['GET', '/settings/a/b'],
  ['GET', '/rng/8'],
  ['GET', '/keys/%'],
  ['GET', '/keys/%e0%a4%a/versions'],
];

const OTHER_METHODS: readonly [method: string, path: string][] = [
  ['POST', '/keys'],
  ['DELETE', '/keys'],
  ['POST', '/keys/k1'],
  ['PUT', `/keys/k1/${VERSION}`],
  ['DELETE', `/keys/k1/${VERSION}`],
  ['GET', '/keys/k1/sign'],
  ['GET', '/keys/k1/create'],
  ['PUT', `/keys/k1/${VERSION}/sign`],
  ['POST', '/keys/k1/versions'],
  ['POST', '/keys/k1/rotationpolicy'],
  ['POST', '/keys/k1/attestation'],
  ['GET', '/keys/k1/backup'],
  ['PUT', '/deletedkeys/k1'],
  ['GET', '/deletedkeys/k1/recover'],
  ['GET', '/rng'],
  ['PUT', '/settings/first'],
  ['DELETE', '/settings'],
  ['GET', '/keys/k1/batch'],
  ['OPTIONS', '/keys/k1'],
  ['TRACE', '/keys'],
];

const MEDIA_TYPES: readonly string[] = [
  'text/plain',
  'application/xml',
  'application/jose+json',
  'application/json-patch+json',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  'application/json; charset=latin1',
  'json',
];

const bad = (what: string, method: string, path: string, body: unknown): Malformed => ({
  what,
  method,
  path,
  body,
  status: 400,
  code: 'BadParameter',
});

export const MALFORMED_PATHS: readonly Malformed[] = [
  ...PATHS_OF_NAMES.flatMap(([method, path, body]) =>
    NAMES.map((name) => bad(`the name ${name.slice(0, 12)}`, method, `${path(name)}${Q}`, body)),
  ),
  ...PATHS_OF_VERSIONS.flatMap(([method, path, body]) =>
    VERSIONS.map((version) => bad(`the version ${version}`, method, `${path(version)}${Q}`, body)),
  ),
  ...API_VERSIONS.map(([what, query]) => bad(what, 'POST', `/keys/k1/sign${query}`, SIGN)),
  ...NOWHERE.map(([method, path]) => ({
    what: 'a path that leads nowhere',
    method,
    path: `${path}${Q}`,
    body: undefined,
    status: 404,
    code: 'NotFound',
  })),
  ...OTHER_METHODS.map(([method, path]) => ({
    what: 'a method that the path has not',
    method,
    path: `${path}${Q}`,
    body: undefined,
    status: 405,
    code: 'MethodNotAllowed',
  })),
  ...MEDIA_TYPES.map((contentType) => ({
    what: `the content type ${contentType}`,
    method: 'POST',
    path: `/keys/k1/sign${Q}`,
    body: SIGN,
    contentType,
    status: 415,
    code: 'UnsupportedMediaType',
  })),
];
