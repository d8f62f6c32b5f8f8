import test from 'ava';
import { LIMITS } from '../../src/model/limits.ts';
import { ROUTES } from '../../src/server/routes.ts';
import { badTokens } from '../identity/bad_tokens/bad_tokens.ts';
import { CountingServer } from '../identity/counting_server.ts';
import {
  entraIssuer,
  entraToken,
  goodToken,
  issuer,
  otherIssuer,
  otherToken,
  strangerRsa,
} from '../identity/token_fixture.ts';
import { DOMAIN, LOGIN_HOST, TENANT, TestServer } from './test_server.ts';

const server = await TestServer.open(undefined, {}, [issuer, otherIssuer, entraIssuer]);
const elsewhere = await CountingServer.open();
test.after.always(async () => {
  await server.server.close();
  await elsewhere.close();
});

const challenge = `Bearer authorization="https://${LOGIN_HOST}:${server.port}/${TENANT}", resource="https://${DOMAIN}:${server.port}"`;
/** Node refuses to send what is no header. */
const CANNOT_BE_SENT = /[^\t\x20-\x7e]/;
const PATH = '/keys/k1?api-version=7.5';
const bearer = (token: string) => ({ authenticated: false, headers: { authorization: `Bearer ${token}` } });

test('every bad token is answered with the challenge and nothing else, and nobody else is asked', async (t) => {
  t.timeout(5 * 60_000);
  const sent = badTokens(elsewhere.url).filter(([, token]) => !CANNOT_BE_SENT.test(token));
  t.true(sent.length >= 400);
  for (const [what, token] of sent) {
    const { status, text, headers } = await server.request(PATH, bearer(token));
    if (token.length > LIMITS.headerBytes - 512) {
      t.is(status, 431, what);
      continue;
    }
    t.deepEqual([status, text, headers['www-authenticate']], [401, '', challenge], what);
  }
  t.is(elsewhere.connections, 0);
  t.deepEqual(server.engine.requests, []);
});

test('the good tokens beside them are known, and get as far as their roles', async (t) => {
  for (const token of [goodToken(), otherToken(), entraToken()]) {
    t.is((await server.request(PATH, bearer(token))).status, 403);
  }
});

const GOOD = goodToken();
const HEADERS: readonly [what: string, headers: Record<string, string | string[]>, path?: string][] = [
  ['two Authorization headers', { authorization: [`Bearer ${GOOD}`, `Bearer ${GOOD}`] }],
  ['two Authorization headers of two kinds', { authorization: ['Basic YTpi', `Bearer ${GOOD}`] }],
  ['two Authorization headers, one of them empty', { authorization: ['', `Bearer ${GOOD}`] }],
  ['a token in the query', {}, `${PATH}&access_token=${GOOD}`],
  ['a token in the query as authorization', {}, `${PATH}&authorization=Bearer%20${GOOD}`],
  ['a token in a cookie', { cookie: `access_token=${GOOD}; Authorization=Bearer ${GOOD}` }],
  [
    'a token in another header',
    { 'x-authorization': `Bearer ${GOOD}`, 'x-ms-authorization-auxiliary': `Bearer ${GOOD}` },
  ],
  ['a token for the proxy', { 'proxy-authorization': `Bearer ${GOOD}` }],
  ['a token without scheme', { authorization: GOOD }],
  ['a token with a comma', { authorization: `Bearer ${GOOD},` }],
  ['a token of Basic', { authorization: `Basic ${Buffer.from(`x:${GOOD}`).toString('base64')}` }],
  ['proof of possession', { authorization: `PoP ${GOOD}` }],
  ['DPoP', { authorization: `DPoP ${GOOD}` }],
  ['the scheme twice', { authorization: `Bearer Bearer ${GOOD}` }],
  ['a scheme that begins alike', { authorization: `BearerX ${GOOD}` }],
  ['a scheme and nothing', { authorization: 'Bearer ' }],
  [
    "an identity in the gateway's words",
    { 'x-ms-client-principal-id': TENANT, 'x-forwarded-user': 'root', 'x-client-verify': 'SUCCESS' },
  ],
];

for (const [what, headers, path = PATH] of HEADERS) {
  test(`${what} is no access token`, async (t) => {
    const reply = await server.request(path, { authenticated: false, headers });
    t.deepEqual([reply.status, reply.text, reply.headers['www-authenticate']], [401, '', challenge]);
  });
}

test('a token in the body is no access token', async (t) => {
  const body = new URLSearchParams({ access_token: GOOD }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  t.is((await server.request(PATH, { method: 'POST', authenticated: false, headers, body })).status, 401);
});

test('the name of the scheme is written in any case', async (t) => {
  for (const scheme of ['bearer', 'BEARER', 'bEARER']) {
    const headers = { authorization: `${scheme} ${GOOD}` };
    t.is((await server.request(PATH, { authenticated: false, headers })).status, 403, scheme);
  }
});

const strangers = goodToken({}, {}, strangerRsa.privateKey);

for (const route of ROUTES) {
  for (const path of route.paths) {
    test(`${route.method} ${path} is refused before anything of it is looked at`, async (t) => {
      const filled = path.replace(/:(\w+)(\([^)]*\))?/g, 'x').replace('*', 'x');
      for (const authorization of [[], [`Bearer ${strangers}`]]) {
        for (const body of [undefined, '{not json']) {
          const options = { method: route.method, headers: { 'content-type': 'text/odd', authorization }, body };
          const reply = await server.request(filled, { authenticated: false, ...options });
          t.deepEqual([reply.status, reply.text, reply.headers['www-authenticate']], [401, '', challenge]);
        }
      }
      t.deepEqual(server.engine.requests, []);
    });
  }
}
