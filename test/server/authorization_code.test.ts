import test from 'ava';
import { decodeJwt } from 'jose';
import { ALICE, answerOf, challengeOf, PASSWORD, REDIRECT_URI, SignInSite, VERIFIER } from './sign_in_site.ts';
import { DOMAIN, type Reply, TENANT } from './test_server.ts';

const site = await SignInSite.open();
test.after.always(() => site.server.server.close());
const resource = `https://${DOMAIN}:${site.server.port}`;

function errorOf({ json }: Reply): { readonly error: string; readonly number: number } {
  const { error, error_codes: codes } = json as unknown as { error: string; error_codes: number[] };
  return { error, number: codes[0] ?? 0 };
}

test('a person signs in, the application gets a code and redeems it, and the access token signs', async (t) => {
  const reply = await site.signIn();
  t.is(reply.status, 303);
  t.is(String(reply.headers.location).split('?')[0], REDIRECT_URI);
  const answer = answerOf(reply);
  t.is(answer.get('state'), 'a state');
  t.is(answer.get('iss'), `${site.origin}/${TENANT}/`);
  const { status, json } = await site.redeem(answer.get('code') ?? '');
  t.is(status, 200);
  const user = site.users.get(ALICE);
  t.like(json, { token_type: 'Bearer', expires_in: 3599 });
  t.is(json.scope, `${resource}/user_impersonation ${resource}/.default openid profile offline_access`);
  t.deepEqual(JSON.parse(Buffer.from(String(json.client_info), 'base64url').toString()), {
    uid: user?.id,
    utid: TENANT,
  });
  t.like(decodeJwt(String(json.access_token)), {
    aud: resource,
    oid: user?.id,
    tid: TENANT,
    idtyp: 'user',
    scp: 'user_impersonation',
    appid: site.desktop.clientId,
    appidacr: '0',
    upn: ALICE,
  });
  t.like(decodeJwt(String(json.id_token)), {
    aud: site.desktop.clientId,
    iss: `${site.origin}/${TENANT}/`,
    nonce: 'a nonce',
    oid: user?.id,
    tid: TENANT,
    preferred_username: ALICE,
    ver: '2.0',
  });
  const answered = await site.server.request('/keys/k1?api-version=7.4', {
    authenticated: false,
    headers: { authorization: `Bearer ${json.access_token}` },
  });
  t.is(answered.status, 200);
});

test('the id token is no access token', async (t) => {
  const { json } = await site.redeem(await site.code());
  const answered = await site.server.request('/keys/k1?api-version=7.4', {
    authenticated: false,
    headers: { authorization: `Bearer ${json.id_token}` },
  });
  t.is(answered.status, 401);
});

test('without openid and offline_access there is neither an id token nor a refresh token', async (t) => {
  const { json } = await site.redeem(await site.code({ scope: `${resource}/user_impersonation` }), {
    scope: `${resource}/.default openid offline_access`,
  });
  t.is(json.id_token, undefined);
  t.is(json.refresh_token, undefined);
  t.is(typeof json.access_token, 'string');
});

test('an application may name the resource as the older endpoints have it', async (t) => {
  const path = site.authorizePath({ resource, scope: 'openid offline_access' }).replace('/v2.0/', '/');
  const code = answerOf(await site.signIn(path)).get('code') ?? '';
  const form = { client_id: site.desktop.clientId, code, redirect_uri: REDIRECT_URI, code_verifier: VERIFIER };
  const reply = await site.post('/adfs/oauth2/token', { grant_type: 'authorization_code', ...form });
  t.is(reply.status, 200);
  t.like(reply.json, { resource, expires_in: '3599' });
  t.is(decodeJwt(String(reply.json.access_token)).aud, resource);
  t.is(decodeJwt(String(reply.json.id_token)).upn, ALICE);
  t.is(typeof reply.json.refresh_token, 'string');
});

test('a refresh token gives an access token for another name of the HSM, and the next refresh token', async (t) => {
  const first = await site.redeem(await site.code());
  const second = await site.refresh(String(first.json.refresh_token), {
    scope: 'https://managedhsm.azure.net/.default openid profile offline_access',
  });
  t.is(second.status, 200);
  t.is(decodeJwt(String(second.json.access_token)).aud, 'https://managedhsm.azure.net');
  t.not(second.json.refresh_token, first.json.refresh_token);
  t.is((await site.refresh(String(second.json.refresh_token))).status, 200);
});

test('an application with a secret shows it; then it may do without a challenge', async (t) => {
  const { clientId } = site.website;
  const redirectUri = 'https://shop.example/cb?x=1';
  const asked = { client_id: clientId, redirect_uri: redirectUri };
  const reply = await site.signIn(
    site.authorizePath({ ...asked, code_challenge: undefined, code_challenge_method: undefined }),
  );
  t.regex(String(reply.headers.location), /^https:\/\/shop\.example\/cb\?x=1&code=/);
  const code = answerOf(reply).get('code') ?? '';
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, client_id: clientId };
  t.deepEqual(errorOf(await site.post('/adfs/oauth2/v2.0/token', form)), { error: 'invalid_client', number: 7000218 });
  const wrong = await site.post('/adfs/oauth2/v2.0/token', { ...form, client_secret: 'wrong' });
  t.deepEqual(errorOf(wrong), { error: 'invalid_client', number: 7000215 });
});

test('with form_post the answer is a form that the person sends off', async (t) => {
  const reply = await site.signIn(site.authorizePath({ response_mode: 'form_post', state: '"><script>' }));
  t.is(reply.status, 200);
  t.regex(reply.text, /<form method="post" action="http:\/\/localhost:49152">/);
  t.regex(reply.text, /name="state" value="&quot;&gt;&lt;script&gt;"/);
  t.false(reply.text.includes('<script'));
  t.regex(String(reply.headers['content-security-policy']), /form-action 'self' http:\/\/localhost:49152;/);
  const code = /name="code" value="([^"]+)"/.exec(reply.text)?.[1] ?? '';
  t.is((await site.redeem(code)).status, 200);
});

test('a person who declines sends the application away with access_denied', async (t) => {
  for (const decision of ['decline', 'Allow', '']) {
    const answer = answerOf(await site.signIn(undefined, { decision }));
    t.is(answer.get('error'), 'access_denied');
    t.is(answer.get('code'), null);
    t.is(answer.get('state'), 'a state');
  }
});

type Changes = Readonly<Record<string, string | undefined>>;

/** Refused to the person: the browser is never sent to an address that is not the application's. */
const ON_PAGE: readonly [what: string, changes: Changes, number: number][] = [
  ['without client_id', { client_id: undefined }, 900144],
  ['of an unknown application', { client_id: TENANT }, 700016],
  ['without redirect_uri', { redirect_uri: undefined }, 900144],
  ['to another site', { redirect_uri: 'https://evil.example/' }, 50011],
  ['to another site that begins alike', { redirect_uri: 'http://localhost.evil.example' }, 50011],
  ['to another site with our name as a user', { redirect_uri: 'http://localhost:1@evil.example' }, 50011],
  ['to another site without a scheme', { redirect_uri: '//evil.example' }, 50011],
  ['to another site behind backslashes', { redirect_uri: 'http://localhost\\@evil.example' }, 50011],
  ['to a script', { redirect_uri: 'javascript:alert(1)' }, 50011],
  ['to another path', { redirect_uri: 'http://localhost:1/other' }, 50011],
  ['to loopback by number where the name is registered', { redirect_uri: 'http://127.0.0.1:1' }, 50011],
  ['to loopback over TLS', { redirect_uri: 'https://localhost:1' }, 50011],
  ['to an address with a fragment', { redirect_uri: 'http://localhost:1/#x' }, 50011],
  ['to an address with a line break', { redirect_uri: 'http://localhost:1/\r\nset-cookie:x=1' }, 50011],
  ['with a state that is too long', { state: 'x'.repeat(4_097) }, 9002313],
];

for (const [what, changes, number] of ON_PAGE) {
  test(`an authorization request ${what} is refused to the person, and leads nowhere`, async (t) => {
    const { status, headers, text } = await site.get(site.authorizePath(changes));
    t.true(status >= 400 && status < 500);
    t.is(headers.location, undefined);
    t.regex(String(headers['content-type']), /^text\/html/);
    t.regex(text, new RegExp(`AADSTS${number}: `));
    t.false(text.includes('evil.example'));
  });
}

/** Refused to the application. */
const BY_REDIRECT: readonly [what: string, changes: Changes, error: string][] = [
  ['without response_type', { response_type: undefined }, 'invalid_request'],
  ['for a token', { response_type: 'token' }, 'unsupported_response_type'],
  ['for a code and a token', { response_type: 'code token' }, 'unsupported_response_type'],
  ['with a plain challenge', { code_challenge: VERIFIER, code_challenge_method: 'plain' }, 'invalid_request'],
  ['with a challenge of no method, which is plain', { code_challenge_method: undefined }, 'invalid_request'],
  ['with a method of no challenge', { code_challenge: undefined }, 'invalid_request'],
  [
    'of a public client without a challenge',
    { code_challenge: undefined, code_challenge_method: undefined },
    'invalid_request',
  ],
  ['with a challenge that is too short', { code_challenge: 'abc' }, 'invalid_request'],
  ['with response_mode fragment', { response_mode: 'fragment' }, 'invalid_request'],
  ['with prompt none', { prompt: 'none' }, 'login_required'],
  ['with an unknown prompt', { prompt: 'login none' }, 'invalid_request'],
  ['with a request object', { request: 'eyJ' }, 'request_not_supported'],
  ['with a request object elsewhere', { request_uri: 'https://evil.example' }, 'request_not_supported'],
  ['without scope', { scope: undefined }, 'invalid_request'],
  ['with no resource', { scope: 'openid profile' }, 'invalid_scope'],
  ['for an unknown permission', { scope: `${resource}/keys.sign` }, 'invalid_scope'],
  ['for a foreign resource', { scope: 'https://graph.microsoft.com/.default' }, 'invalid_resource'],
  ['with a nonce that is too long', { nonce: 'x'.repeat(513) }, 'invalid_request'],
];

for (const [what, changes, error] of BY_REDIRECT) {
  test(`an authorization request ${what} is refused to the application with ${error}`, async (t) => {
    const reply = await site.get(site.authorizePath(changes));
    t.is(reply.status, 303);
    t.is(String(reply.headers.location).split('?')[0], REDIRECT_URI);
    const answer = answerOf(reply);
    t.is(answer.get('error'), error);
    t.regex(answer.get('error_description') ?? '', /^AADSTS\d+: /);
    t.is(answer.get('state'), 'a state');
    t.is(answer.get('code'), null);
  });
}

test('a parameter that stands twice is refused to the person', async (t) => {
  const { status, headers } = await site.get(`${site.authorizePath()}&redirect_uri=https://evil.example`);
  t.is(status, 400);
  t.is(headers.location, undefined);
});

test('an unknown tenant has no page', async (t) => {
  const { status, text } = await site.get(site.authorizePath().replace('/adfs/', '/common/'));
  t.is(status, 400);
  t.regex(text, /AADSTS90002: /);
});

type Form = Readonly<Record<string, string>>;

const REDEMPTIONS: readonly [what: string, changes: Form, error: string, number: number][] = [
  ['with a wrong verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant', 501481],
  ['with the challenge as the verifier', { code_verifier: challengeOf(VERIFIER) }, 'invalid_grant', 501481],
  ['with an empty verifier', { code_verifier: '' }, 'invalid_grant', 501481],
  ['with another redirect URI', { redirect_uri: 'http://localhost:49153' }, 'invalid_grant', 500112],
  ['without a redirect URI', { redirect_uri: '' }, 'invalid_grant', 500112],
  ['by another client', { client_id: site.server.clientId, client_secret: site.server.secret }, 'invalid_grant', 70000],
];

for (const [what, changes, error, number] of REDEMPTIONS) {
  test(`a code that is redeemed ${what} is refused, and is spent`, async (t) => {
    const code = await site.code();
    t.deepEqual(errorOf(await site.redeem(code, changes)), { error, number });
    t.deepEqual(errorOf(await site.redeem(code)), { error: 'invalid_grant', number: 70008 });
  });
}

test('a code that is redeemed by an unknown client, or in another way, is not even looked at', async (t) => {
  const code = await site.code();
  t.is(errorOf(await site.redeem(code, { client_id: TENANT })).number, 700016);
  t.is(errorOf(await site.redeem(code, { client_id: site.website.clientId })).number, 7000218);
  t.is(errorOf(await site.redeem(code, { client_secret: 'x' })).number, 7000215);
  t.is((await site.redeem(code)).status, 200);
});

test('a code is good once, and its second use ends the refresh token that the first gave', async (t) => {
  const code = await site.code();
  const { json } = await site.redeem(code);
  t.is(errorOf(await site.redeem(code)).number, 54005);
  t.is(errorOf(await site.refresh(String(json.refresh_token))).number, 70000);
});

test('a refresh token is of its client alone', async (t) => {
  const { json } = await site.redeem(await site.code());
  const stolen = await site.refresh(String(json.refresh_token), {
    client_id: site.server.clientId,
    client_secret: site.server.secret,
  });
  t.deepEqual(errorOf(stolen), { error: 'invalid_grant', number: 70000 });
});

test('neither a code nor a refresh token nor a password is in a log', async (t) => {
  const code = await site.code();
  const { json } = await site.redeem(code);
  await site.signIn(undefined, { password: 'a password that is wrong' });
  const log = site.server.log.join('');
  for (const secret of [code, String(json.refresh_token), PASSWORD, 'a password that is wrong']) {
    t.false(log.includes(secret));
  }
});

test('passwords are not taken at the token endpoint', async (t) => {
  const reply = await site.token({ grant_type: 'password', username: ALICE, password: PASSWORD, scope: site.scope });
  t.deepEqual(errorOf(reply), { error: 'unsupported_grant_type', number: 70003 });
});

test('the metadata tells what there is', async (t) => {
  const { json } = await site.get('/adfs/v2.0/.well-known/openid-configuration');
  t.like(json, {
    device_authorization_endpoint: `${site.origin}/adfs/oauth2/v2.0/devicecode`,
    code_challenge_methods_supported: ['S256'],
    response_types_supported: ['code'],
    authorization_response_iss_parameter_supported: true,
  });
});
