import test from 'ava';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { DOMAIN, LOGIN_HOST, type Reply, TENANT, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const host = `${LOGIN_HOST}:${server.port}`;
const origin = `https://${host}`;
const resource = `https://${DOMAIN}:${server.port}`;

function post(
  path: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return server.request(path, {
    method: 'POST',
    host,
    authenticated: false,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  });
}

const credentials = () => ({
  grant_type: 'client_credentials',
  client_id: server.clientId,
  client_secret: server.secret,
  scope: `${resource}/.default`,
});

const METADATA: readonly [path: string, tenant: string, version: string][] = [
  ['/adfs/v2.0/.well-known/openid-configuration', 'adfs', '/v2.0'],
  ['/adfs/.well-known/openid-configuration', 'adfs', '/v2.0'],
  [`/${TENANT}/v2.0/.well-known/openid-configuration`, TENANT, '/v2.0'],
  [`/${TENANT}/.well-known/openid-configuration`, TENANT, ''],
];

for (const [path, tenant, version] of METADATA) {
  test(`${path} tells where everything is`, async (t) => {
    const { status, json } = await server.request(path, { host, authenticated: false });
    t.is(status, 200);
    t.like(json, {
      issuer: `${origin}/${TENANT}/`,
      authorization_endpoint: `${origin}/${tenant}/oauth2${version}/authorize`,
      token_endpoint: `${origin}/${tenant}/oauth2${version}/token`,
      jwks_uri: `${origin}/${tenant}/discovery${version}/keys`,
    });
    const keys = await server.request(`/${tenant}/discovery${version}/keys`, { host, authenticated: false });
    t.is((keys.json.keys as unknown[]).length, 1);
  });
}

for (const tenant of ['adfs', TENANT]) {
  test(`/${tenant}/discovery/v2.0/keys has the public key and nothing else`, async (t) => {
    const { json } = await server.request(`/${tenant}/discovery/v2.0/keys`, { host, authenticated: false });
    const keys = json.keys as Record<string, string>[];
    t.is(keys.length, 1);
    t.deepEqual(Object.keys(keys[0] ?? {}).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });

  test(`/${tenant}/oauth2/v2.0/token gives an access token in Entra's shape`, async (t) => {
    const { status, json, headers } = await post(`/${tenant}/oauth2/v2.0/token?client-request-id=x`, {
      ...credentials(),
      'x-client-SKU': 'msal.js.node',
      client_info: '1',
      claims: '{"access_token":{"xms_cc":{"values":["cp1"]}}}',
    });
    t.is(status, 200);
    t.regex(String(headers['cache-control']), /no-store/);
    t.like(json, { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599 });
    const token = String(json.access_token);
    t.like(decodeProtectedHeader(token), { typ: 'JWT', alg: 'RS256' });
    const { oid, sub, exp = 0, iat = 0 } = decodeJwt(token);
    t.is(sub, oid as string);
    t.is(exp - iat, 3600);
    t.like(decodeJwt(token), {
      aud: resource,
      iss: `${origin}/${TENANT}/`,
      tid: TENANT,
      appid: server.clientId,
      appidacr: '1',
      idtyp: 'app',
      ver: '1.0',
    });
    const answer = await server.request('/keys/k1?api-version=7.4', {
      authenticated: false,
      headers: { authorization: `Bearer ${token}` },
    });
    t.is(answer.status, 200);
  });
}

test('the older endpoint is asked for a resource, and answers in texts', async (t) => {
  const { scope: _, ...form } = credentials();
  const { status, json } = await post('/adfs/oauth2/token', { ...form, resource: 'https://managedhsm.azure.net' });
  t.is(status, 200);
  const { access_token: token, expires_on: expires, not_before: from, ...others } = json;
  const { aud, exp, nbf } = decodeJwt(String(token));
  t.is(aud, 'https://managedhsm.azure.net');
  t.deepEqual([expires, from], [String(exp), String(nbf)]);
  t.deepEqual(others, { token_type: 'Bearer', expires_in: '3599', ext_expires_in: '3599', resource: aud as string });
  const refused = await post('/adfs/oauth2/token', { ...credentials() });
  t.deepEqual([refused.status, refused.json.error_codes], [400, [900144]]);
});

const AUDIENCES = [
  'https://managedhsm.localhost',
  'https://managedhsm.localhost/',
  'https://managedhsm.localhost:1234',
  'https://managedhsm.azure.net',
];

for (const audience of AUDIENCES) {
  test(`a token for ${audience} is issued and accepted`, async (t) => {
    const { json } = await post('/adfs/oauth2/v2.0/token', { ...credentials(), scope: `${audience}/.default` });
    const token = String(json.access_token);
    t.is(decodeJwt(token).aud, audience);
    const answer = await server.request('/keys/k1?api-version=7.4', {
      authenticated: false,
      headers: { authorization: `Bearer ${token}` },
    });
    t.is(answer.status, 200);
  });
}

test('a client may authenticate in the header', async (t) => {
  const { client_id, client_secret, ...form } = credentials();
  const basic = Buffer.from(`${client_id}:${encodeURIComponent(client_secret)}`).toString('base64');
  const { status } = await post('/adfs/oauth2/v2.0/token', form, { authorization: `Basic ${basic}` });
  t.is(status, 200);
});

test('the list of authorities names this host', async (t) => {
  const { status, json } = await server.request(
    `/common/discovery/instance?api-version=1.1&authorization_endpoint=${origin}/x`,
    {
      host,
      authenticated: false,
    },
  );
  t.is(status, 200);
  t.like(json, { tenant_discovery_endpoint: `${origin}/${TENANT}/v2.0/.well-known/openid-configuration` });
  t.deepEqual((json.metadata as { aliases: string[] }[])[0]?.aliases, [host]);
});

test('there are neither subscriptions nor tenants to choose from, which is what the Azure CLI asks for at sign-in', async (t) => {
  for (const path of ['/subscriptions?api-version=2019-11-01', '/tenants?api-version=2019-11-01']) {
    const { status, json } = await server.request(path, { host, authenticated: false });
    t.is(status, 200);
    t.deepEqual(json, { value: [] });
  }
});

test('nobody has a user realm', async (t) => {
  const { status } = await server.request('/common/userrealm/a@b?api-version=1.0', { host, authenticated: false });
  t.is(status, 404);
});

test('the issuer is not served at the host of the HSM, nor the HSM at the host of the issuer', async (t) => {
  const issuer = await server.request('/adfs/.well-known/openid-configuration', { authenticated: false });
  t.is(issuer.status, 401);
  const hsm = await server.request('/keys/k1?api-version=7.4', { host });
  t.is(hsm.status, 404);
});

type Form = Record<string, string>;
const without = (name: string) => (form: Form) =>
  Object.fromEntries(Object.entries(form).filter(([each]) => each !== name));
const REFUSALS: readonly [what: string, change: (form: Form) => Form, status: number, error: string, number: number][] =
  [
    ['without grant_type', without('grant_type'), 400, 'unsupported_grant_type', 70003],
    ['for another grant', (form) => ({ ...form, grant_type: 'password' }), 400, 'unsupported_grant_type', 70003],
    ['without client_id', without('client_id'), 400, 'invalid_request', 900144],
    ['without a secret', without('client_secret'), 401, 'invalid_client', 7000218],
    ['with a wrong secret', (form) => ({ ...form, client_secret: 'wrong' }), 401, 'invalid_client', 7000215],
    ['with an empty secret', (form) => ({ ...form, client_secret: '' }), 401, 'invalid_client', 7000218],
    ['of an unknown client', (form) => ({ ...form, client_id: TENANT }), 400, 'unauthorized_client', 700016],
    ['without scope', without('scope'), 400, 'invalid_request', 900144],
    ['with a scope that is no resource', (form) => ({ ...form, scope: 'openid' }), 400, 'invalid_scope', 70011],
    [
      'with two scopes',
      (form) => ({ ...form, scope: `${resource}/.default ${resource}/.default` }),
      400,
      'invalid_scope',
      70011,
    ],
    [
      'with scopes of people',
      (form) => ({ ...form, scope: `${resource}/.default offline_access` }),
      400,
      'invalid_scope',
      70011,
    ],
    ['for a permission', (form) => ({ ...form, scope: `${resource}/user_impersonation` }), 400, 'invalid_scope', 70011],
    [
      'for a foreign resource',
      (form) => ({ ...form, scope: 'https://graph.microsoft.com/.default' }),
      400,
      'invalid_resource',
      500011,
    ],
    [
      'for a resource with our name in front',
      (form) => ({ ...form, scope: `https://${DOMAIN}.evil.example/.default` }),
      400,
      'invalid_resource',
      500011,
    ],
  ];

for (const [what, change, status, error, number] of REFUSALS) {
  test(`a token request ${what} is refused with ${error}`, async (t) => {
    const reply = await post('/adfs/oauth2/v2.0/token', change(credentials()));
    t.is(reply.status, status);
    const body = reply.json as unknown as Record<string, unknown>;
    t.is(body.error, error);
    t.deepEqual(body.error_codes, [number]);
    t.regex(String(body.error_description), new RegExp(`^AADSTS${number}: `));
    t.deepEqual(Object.keys(body).sort(), [
      'correlation_id',
      'error',
      'error_codes',
      'error_description',
      'timestamp',
      'trace_id',
    ]);
    t.false(reply.text.includes(server.secret));
  });
}

test('an unknown tenant is refused', async (t) => {
  const reply = await post('/common/oauth2/v2.0/token', credentials());
  t.is(reply.status, 400);
  t.deepEqual(reply.json.error_codes, [90002]);
});

test('a parameter that stands twice is refused', async (t) => {
  const form = `${new URLSearchParams(credentials())}&scope=x`;
  t.is((await post('/adfs/oauth2/v2.0/token', form)).status, 400);
});

test('a secret in the header and another in the body are refused', async (t) => {
  const basic = Buffer.from(`${server.clientId}:${server.secret}`).toString('base64');
  t.is((await post('/adfs/oauth2/v2.0/token', credentials(), { authorization: `Basic ${basic}` })).status, 400);
});

test('a token request that is no form is refused', async (t) => {
  const reply = await post('/adfs/oauth2/v2.0/token', '{}', { 'content-type': 'application/json' });
  t.is(reply.status, 400);
  const large = await post('/adfs/oauth2/v2.0/token', `x=${'a'.repeat(70_000)}`);
  t.is(large.status, 400);
});

test('a flood of token requests is refused with 429 instead of taking all memory', async (t) => {
  const replies = await Promise.all(
    Array.from({ length: 90 }, () => post('/adfs/oauth2/v2.0/token', { ...credentials(), client_secret: 'wrong' })),
  );
  const refused = replies.filter(({ status }) => status === 429);
  t.true(refused.length > 0);
  t.is(replies.filter(({ status }) => status === 401).length + refused.length, replies.length);
  t.is(refused[0]?.headers['retry-after'], '1');
});
