import test from 'ava';
import { decodeJwt } from 'jose';
import { issueServerCertificate, newAuthority } from '../../src/server/tls/local_authority.ts';
import { LOGIN_HOST, type Reply, TestServer } from './test_server.ts';

const server = await TestServer.open();

const host = `${LOGIN_HOST}:${server.port}`;
const administrator = await server.newAccessToken(`https://${host}`);
test.after.always(() => server.server.close());
const NOBODY = 'aaaaaaaa-0000-4000-8000-aaaaaaaaaaaa';
const PASSWORD = 'correct horse battery staple';

function ask(method: string, path: string, body?: unknown, token: string | undefined = administrator): Promise<Reply> {
  return server.request(`/v1.0${path}`, {
    method,
    host,
    authenticated: false,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** An access token of another application for a resource, or the error in its place. */
async function tokenOf(
  clientId: string,
  secret: string,
  tenant = 'adfs',
  resource = 'https://managedhsm.azure.net',
): Promise<string> {
  const form = {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: secret,
    scope: `${resource}/.default`,
  };
  const { json } = await server.request(`/${tenant}/oauth2/v2.0/token`, {
    method: 'POST',
    host,
    authenticated: false,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
  return String(json.access_token ?? json.error_codes);
}

interface Made {
  readonly id: string;
  readonly appId: string;
  readonly principalId: string;
  readonly secret: string;
}

async function makeApplication(displayName: string, more: Record<string, unknown> = {}): Promise<Made> {
  const { json } = await ask('POST', '/applications', { displayName, ...more });
  const [id, appId] = [String(json.id), String(json.appId)];
  const principal = await ask('POST', '/servicePrincipals', { appId });
  const { json: password } = await ask('POST', `/applications/${id}/addPassword`, {});
  return { id, appId, principalId: String(principal.json.id), secret: String(password.secretText) };
}

const values = ({ json }: Reply): Record<string, unknown>[] => json.value as Record<string, unknown>[];

test('an application that is made gets tokens, and none when its secret or itself is gone', async (t) => {
  const { id, appId, principalId, secret } = await makeApplication('payments');
  t.like(decodeJwt(await tokenOf(appId, secret)), { oid: principalId, appid: appId });
  const shown = await ask('GET', `/applications/${appId}`);
  const [kept] = shown.json.passwordCredentials as Record<string, unknown>[];
  t.like(kept, { hint: secret.slice(0, 3), secretText: null });
  t.false(shown.text.includes(secret));
  t.false(/scrypt|salt|hash/.test(shown.text));
  t.is((await ask('POST', `/applications/${id}/removePassword`, { keyId: kept?.keyId })).status, 204);
  t.is(await tokenOf(appId, secret), '7000215');
  t.is((await ask('DELETE', `/applications/${id}`)).status, 204);
  t.is(await tokenOf(appId, secret), '700016');
  t.is((await ask('GET', `/servicePrincipals/${principalId}`)).status, 404);
});

test('a secret has the end that it was given', async (t) => {
  const { id } = await makeApplication('dated');
  const endDateTime = new Date(Date.now() + 3_600_000).toISOString();
  const { json } = await ask('POST', `/applications/${id}/addPassword`, {
    passwordCredential: { displayName: 'short', endDateTime },
  });
  t.like(json, { displayName: 'short', endDateTime });
  const past = await ask('POST', `/applications/${id}/addPassword`, {
    passwordCredential: { endDateTime: '2020-01-01' },
  });
  t.is(past.status, 400);
});

test('tokens of before are refused when the service principal is disabled, and of use again when it is not', async (t) => {
  const { appId, principalId, secret } = await makeApplication('disabled');
  const directoryToken = await tokenOf(appId, secret, 'adfs', `https://${host}`);
  await ask('PATCH', `/servicePrincipals/${principalId}`, { isDirectoryAdministrator: true });
  await ask('PATCH', `/servicePrincipals/${principalId}`, { accountEnabled: false });
  t.is((await ask('GET', '/users', undefined, directoryToken)).status, 401);
  t.is(await tokenOf(appId, secret), '7000112');
  await ask('PATCH', `/servicePrincipals/${principalId}`, { accountEnabled: true });
  t.is((await ask('GET', '/users', undefined, directoryToken)).status, 200);
});

test('certificates and federated credentials are registered once and removed', async (t) => {
  const { id } = await makeApplication('assertions');
  const authority = await newAuthority('test', ['x.test'], new Date());
  const { certificate } = await issueServerCertificate(authority, ['x.test'], new Date());
  const key = certificate.replaceAll(/-----[^-]+-----|\s/g, '');
  const added = await ask('POST', `/applications/${id}/addKey`, { keyCredential: { key } });
  t.is(added.status, 200);
  t.is((await ask('POST', `/applications/${id}/addKey`, { keyCredential: { key: 'AAAA' } })).status, 400);
  t.is((await ask('POST', `/applications/${id}/removeKey`, { keyId: added.json.keyId })).status, 204);
  t.is((await ask('POST', `/applications/${id}/removeKey`, { keyId: added.json.keyId })).status, 404);
  const path = `/applications/${id}/federatedIdentityCredentials`;
  const credential = { name: 'cluster', issuer: 'https://cluster.test', subject: 'system:serviceaccount:a:b' };
  const { status, json } = await ask('POST', path, credential);
  t.is(status, 201);
  t.deepEqual(json.audiences, ['api://AzureADTokenExchange']);
  t.is((await ask('POST', path, credential)).status, 409);
  t.is((await ask('POST', path, { ...credential, name: 'plain', issuer: 'http://cluster.test' })).status, 400);
  t.is(values(await ask('GET', path)).length, 1);
  t.is((await ask('DELETE', `${path}/${json.id}`)).status, 204);
});

test('people are added, changed and removed, and what they sign in with is never shown', async (t) => {
  const { status, json, text } = await ask('POST', '/users', {
    userPrincipalName: 'Alice@Contoso.example',
    displayName: 'Alice',
    passwordProfile: { password: PASSWORD },
  });
  t.is(status, 201);
  t.like(json, { userPrincipalName: 'alice@contoso.example', accountEnabled: true, isDirectoryAdministrator: false });
  t.false(/argon2|salt|password/i.test(text));
  t.is((await ask('POST', '/users', { userPrincipalName: 'ALICE@contoso.example', displayName: 'x' })).status, 409);
  t.is((await ask('PATCH', '/users/alice@contoso.example', { displayName: 'Alice A.' })).status, 204);
  t.like((await ask('GET', `/users/${json.id}`)).json, { displayName: 'Alice A.' });
  const short = await ask('PATCH', `/users/${json.id}`, { passwordProfile: { password: 'short' } });
  t.is(short.status, 400);
  t.false(short.text.includes('"short"'));
  t.is((await ask('DELETE', `/users/${json.id}`)).status, 204);
  t.is((await ask('GET', `/users/${json.id}`)).status, 404);
});

for (const password of ['abababababababab', 'carol-carol-carol-carol']) {
  test(`${password} is no password of carol, at first or later`, async (t) => {
    const userPrincipalName = `carol@${password}.example`;
    const user = { userPrincipalName, displayName: 'Carol' };
    t.is((await ask('POST', '/users', { ...user, passwordProfile: { password } })).status, 400);
    t.is((await ask('POST', '/users', user)).status, 201);
    const reply = await ask('PATCH', `/users/${userPrincipalName}`, { passwordProfile: { password } });
    t.is(reply.status, 400);
    t.false(reply.text.includes(`"${password}"`));
  });
}

for (const uri of [
  'http://app.example/',
  'javascript:alert(1)',
  'https://app.example/#x',
  'http://localhost@evil.example',
]) {
  test(`no application is registered to send people to ${uri}`, async (t) => {
    const body = { displayName: 'tool', isFallbackPublicClient: true, publicClient: { redirectUris: [uri] } };
    t.is((await ask('POST', '/applications', body)).status, 400);
  });
}

test('who is in a group has it in its tokens, also by way of another, and not any more when it is taken out', async (t) => {
  const { appId, principalId, secret } = await makeApplication('member');
  const [inner, outer] = await Promise.all(
    ['inner', 'outer'].map((displayName) => ask('POST', '/groups', { displayName })),
  );
  const [innerId, outerId] = [String(inner?.json.id), String(outer?.json.id)];
  const reference = (id: string) => ({ '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${id}` });
  t.is((await ask('POST', `/groups/${innerId}/members/$ref`, reference(principalId))).status, 204);
  t.is((await ask('POST', `/groups/${outerId}/members/$ref`, reference(innerId))).status, 204);
  t.deepEqual(decodeJwt(await tokenOf(appId, secret)).groups, [innerId, outerId].sort());
  t.deepEqual(
    (await ask('POST', `/servicePrincipals/${principalId}/getMemberObjects`)).json.value,
    [innerId, outerId].sort(),
  );
  t.is((await ask('POST', `/groups/${innerId}/members/$ref`, reference(principalId))).status, 409);
  t.is((await ask('POST', `/groups/${innerId}/members/$ref`, reference(innerId))).status, 400);
  t.is((await ask('POST', `/groups/${innerId}/members/$ref`, reference(NOBODY))).status, 400);
  t.deepEqual(
    values(await ask('GET', `/groups/${innerId}/members`)).map(({ id }) => id),
    [principalId],
  );
  t.is((await ask('DELETE', `/groups/${outerId}/members/${innerId}/$ref`)).status, 204);
  t.deepEqual(decodeJwt(await tokenOf(appId, secret)).groups, [innerId]);
  t.is((await ask('DELETE', `/groups/${innerId}`)).status, 204);
  t.is(decodeJwt(await tokenOf(appId, secret)).groups, undefined);
});

test('objects are found by their ids, as the command line of Azure asks for them', async (t) => {
  const { principalId, appId } = await makeApplication('found');
  const { json } = await ask('POST', '/groups', { displayName: 'found' });
  const reply = await ask('POST', '/directoryObjects/getByIds', {
    ids: [principalId, json.id, NOBODY],
    types: ['user'],
  });
  t.deepEqual(
    values(reply).map((each) => [each['@odata.type'], each.id]),
    [
      ['#microsoft.graph.servicePrincipal', principalId],
      ['#microsoft.graph.group', json.id],
    ],
  );
  const filtered = await ask('GET', `/servicePrincipals?$filter=${encodeURIComponent(`appId eq '${appId}'`)}`);
  t.deepEqual(
    values(filtered).map(({ id }) => id),
    [principalId],
  );
  t.is((await ask('GET', `/users?$filter=${encodeURIComponent("id ne 'x'")}`)).status, 400);
});

test('an application for several tenants has a service principal in each, and tokens of one tenant are nothing in another', async (t) => {
  const { json: tenant } = await ask('POST', '/tenants', { displayName: 'Fabrikam' });
  const query = `?tenantId=${tenant.id}`;
  const several = await makeApplication('several', { signInAudience: 'AzureADMultipleOrgs' });
  const single = await makeApplication('single');
  t.is(await tokenOf(several.appId, several.secret, String(tenant.id)), '7000229');
  t.is((await ask('POST', `/servicePrincipals${query}`, { appId: single.appId })).status, 403);
  const { json } = await ask('POST', `/servicePrincipals${query}`, { appId: several.appId });
  const token = await tokenOf(several.appId, several.secret, String(tenant.id));
  t.like(decodeJwt(token), { oid: json.id, tid: tenant.id });
  t.not(json.id, several.principalId);
  const answer = await server.request('/keys/k1?api-version=7.4', {
    authenticated: false,
    headers: { authorization: `Bearer ${token}` },
  });
  t.is(answer.status, 401);
  t.is((await ask('GET', `/servicePrincipals/${json.id}`)).status, 404);
  t.is((await ask('GET', `/servicePrincipals/${json.id}${query}`)).status, 200);
  t.is((await ask('GET', `/users?tenantId=${NOBODY}`)).status, 404);
});

test.serial('the last administrator cannot be disabled, deleted or lose the mark', async (t) => {
  const own = values(await ask('GET', '/servicePrincipals')).find(({ appId }) => appId === server.clientId);
  const path = `/servicePrincipals/${own?.id}`;
  const others = values(await ask('GET', '/servicePrincipals')).filter(
    (each) => each.isDirectoryAdministrator === true && each.id !== own?.id,
  );
  for (const { id } of others) await ask('PATCH', `/servicePrincipals/${id}`, { isDirectoryAdministrator: false });
  t.is((await ask('PATCH', path, { accountEnabled: false })).status, 409);
  t.is((await ask('PATCH', path, { isDirectoryAdministrator: false })).status, 409);
  t.is((await ask('DELETE', path)).status, 409);
  t.is((await ask('DELETE', `/applications/${server.clientId}`)).status, 409);
  t.is((await ask('GET', '/users')).status, 200);
});

const PATHS: readonly [method: string, path: string, body?: unknown][] = [
  ['GET', '/applications'],
  ['POST', '/applications', { displayName: 'x' }],
  ['DELETE', `/applications/${NOBODY}`],
  ['POST', `/applications/${NOBODY}/addPassword`, {}],
  ['POST', `/applications/${NOBODY}/addKey`, { keyCredential: { key: 'x' } }],
  ['POST', `/applications/${NOBODY}/federatedIdentityCredentials`, { name: 'x' }],
  ['GET', '/servicePrincipals'],
  ['PATCH', `/servicePrincipals/${NOBODY}`, { isDirectoryAdministrator: true }],
  ['GET', '/users'],
  ['POST', '/users', { userPrincipalName: 'x@y', displayName: 'x' }],
  ['PATCH', `/users/${NOBODY}`, { isDirectoryAdministrator: true }],
  ['POST', '/groups', { displayName: 'x' }],
  ['POST', `/groups/${NOBODY}/members/$ref`, {}],
  ['POST', '/directoryObjects/getByIds', { ids: [NOBODY] }],
  ['POST', '/tenants', { displayName: 'x' }],
  ['GET', '/nothing'],
];

/** Of an application without the mark. */
const strangersToken = makeApplication('stranger').then(({ appId, secret }) =>
  tokenOf(appId, secret, 'adfs', `https://${host}`),
);

for (const [method, path, body] of PATHS) {
  test(`${method} ${path} is for administrators of the directory, with a token for the directory`, async (t) => {
    const poolToken = await server.accessToken();
    for (const token of ['', 'x.y.z', poolToken]) {
      const { status, json } = await ask(method, path, body, token);
      t.deepEqual([status, json.error?.code], [401, 'InvalidAuthenticationToken']);
    }
    const { status, json } = await ask(method, path, body, await strangersToken);
    t.deepEqual([status, json.error?.code], [403, 'Authorization_RequestDenied']);
  });
}

test('a token for the directory is none for the pool', async (t) => {
  const headers = { authorization: `Bearer ${administrator}` };
  t.is((await server.request('/keys/k1?api-version=7.4', { authenticated: false, headers })).status, 401);
});

test('bodies are JSON with what they need, and nothing twice', async (t) => {
  for (const body of [
    '',
    'x',
    '[]',
    '{}',
    '{"displayName":""}',
    '{"displayName":1}',
    '{"displayName":"a","displayName":"b"}',
  ]) {
    const { status, json } = await ask('POST', '/groups', body);
    t.deepEqual([status, json.error?.code], [400, 'Request_BadRequest'], body);
  }
});

test('every change and every token is on record, with who, what and to whom, and without a secret', async (t) => {
  const quiet = await TestServer.open();
  t.teardown(() => quiet.server.close());
  const at = `${LOGIN_HOST}:${quiet.port}`;
  const send = (path: string, headers: Record<string, string>, body: string) =>
    quiet.request(path, { method: 'POST', host: at, authenticated: false, headers, body });
  const token = await quiet.newAccessToken(`https://${at}`);
  quiet.audit.taken();
  const { json } = await send(
    '/v1.0/applications',
    { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    '{"displayName":"audited"}',
  );
  const form = (secret: string): string =>
    new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: quiet.clientId,
      client_secret: secret,
      scope: 'https://managedhsm.azure.net/.default',
    }).toString();
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  await send('/adfs/oauth2/v2.0/token', type, form('wrong secret'));
  await send('/adfs/oauth2/v2.0/token', type, form(quiet.secret));
  await send('/v1.0/applications', { 'content-type': 'application/json' }, '{"displayName":"x"}');
  const events = quiet.audit.taken();
  t.deepEqual(
    events.map(({ operation, result, innerCode, target }) => [operation, result, innerCode, target]),
    [
      ['ApplicationCreate', 'Success', undefined, `applications/${json.id}`],
      ['AccessTokenIssue', 'Unauthorized', 'AADSTS7000215', `applications/${quiet.clientId}`],
      ['AccessTokenIssue', 'Success', undefined, `applications/${quiet.clientId}`],
      ['Authentication', 'Unauthorized', undefined, undefined],
    ],
  );
  t.is(events[0]?.principal?.applicationId, quiet.clientId);
  t.is(events[2]?.principal?.applicationId, quiet.clientId);
  t.false(JSON.stringify(events).includes(quiet.secret));
  t.false(JSON.stringify(events).includes('wrong secret'));
});

test('nothing is changed and no token given while the log takes nothing', async (t) => {
  const quiet = await TestServer.open();
  t.teardown(() => quiet.server.close());
  const at = `${LOGIN_HOST}:${quiet.port}`;
  const token = await quiet.newAccessToken(`https://${at}`);
  quiet.audit.takesNothing = 'admitted';
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = '{"displayName":"unseen"}';
  const request = { method: 'POST', host: at, authenticated: false, headers, body };
  t.is((await quiet.request('/v1.0/groups', request)).status, 503);
  quiet.audit.takesNothing = undefined;
  const groups = await quiet.request('/v1.0/groups', { host: at, authenticated: false, headers });
  t.deepEqual(groups.json.value, []);
});
