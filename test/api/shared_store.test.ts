import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';
import { visitPage } from './page_visit.ts';
import { peopleIn } from './people.ts';
import { RunningServer } from './running_server.ts';

const DIGEST = createHash('sha256').update('shared').digest('base64url');
const TAKES_EFFECT_MS = 1_000;

let postgres: PostgresServer;
let directory: string;
let settings: Record<string, string>;
let first: RunningServer;
let second: RunningServer;

/** Two server processes, each with a token of its own that has the same pool keys, over one database. */
test.before(async () => {
  postgres = await openPostgresServer();
  directory = mkdtempSync(join(tmpdir(), 'strongroom-shared-'));
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, `${postgres.password}\n`, { mode: 0o600 });
  settings = { STRONGROOM_STORE_URL: await postgres.createDatabase(), STRONGROOM_STORE_PASSWORD_FILE: passwordFile };
  first = await RunningServer.start(settings);
  second = await RunningServer.start(settings, (dataDir) => {
    cpSync(join(first.dataDir, 'token'), join(dataDir, 'token'), { recursive: true });
  });
});

test.after.always(async () => {
  await Promise.all([first?.remove(), second?.remove()]);
  await postgres?.close();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

const sign = (server: RunningServer, path: string) => server.post(`${path}/sign`, { alg: 'ES256', value: DIGEST });
const create = (server: RunningServer, name: string) =>
  server.post(`/keys/${name}/create`, { kty: 'EC-HSM', crv: 'P-256' });

test.serial('a key that one server made is usable through the other when its create has returned', async (t) => {
  const directions = [[first, second] as const, [second, first] as const, [first, second] as const];
  for (const [index, [here, there]] of directions.entries()) {
    t.is((await create(here, `made-${index}`)).status, 200);
    const { status, json } = await sign(there, `/keys/made-${index}`);
    t.is(status, 200);
    const path = new URL(String(json.kid)).pathname;
    const checked = await here.post(`${path}/verify`, { alg: 'ES256', digest: DIGEST, value: json.value });
    t.is(checked.json.value, true);
  }
});

test.serial('a key that is disabled through one server is refused by the other a second later', async (t) => {
  const { json } = await create(first, 'disabled');
  const { pathname } = new URL((json.key as { kid: string }).kid);
  for (const path of ['/keys/disabled', pathname]) t.is((await sign(second, path)).status, 200);
  await first.send('PATCH', '/keys/disabled', JSON.stringify({ attributes: { enabled: false } }));
  await delay(TAKES_EFFECT_MS);
  for (const path of ['/keys/disabled', pathname]) {
    const refusal = await sign(second, path);
    t.like(refusal, { status: 403, json: { error: { code: 'Forbidden', innererror: { code: 'KeyDisabled' } } } });
  }
});

test.serial('a key that is deleted through one server is gone from the other a second later', async (t) => {
  await create(second, 'deleted');
  t.is((await sign(first, '/keys/deleted')).status, 200);
  t.is((await second.send('DELETE', '/keys/deleted')).status, 200);
  await delay(TAKES_EFFECT_MS);
  t.like(await sign(first, '/keys/deleted'), { status: 404, json: { error: { code: 'KeyNotFound' } } });
  t.is((await first.get('/deletedkeys/deleted')).status, 200);
});

/** Asks the directory of one server for something, as its first application. */
async function askDirectory(server: RunningServer, path: string, body: unknown): Promise<Record<string, unknown>> {
  const { AZURE_AUTHORITY_HOST: login, AZURE_CLIENT_ID: id, AZURE_CLIENT_SECRET: secret } = server.environment;
  const token = await tokenFrom(server, String(id), String(secret), String(login));
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return (await server.exchange(`${login}/v1.0${path}`, 'POST', headers, JSON.stringify(body))).json;
}

async function tokenFrom(server: RunningServer, id: string, secret: string, resource: string): Promise<string> {
  const scope = `${resource}/.default`;
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret, scope });
  const url = `${server.environment.AZURE_AUTHORITY_HOST}/adfs/oauth2/v2.0/token`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return String((await server.exchange(url, 'POST', headers, form.toString())).json.access_token);
}

test.serial(
  'an application that was made through one server gets a token at the other, which both believe',
  async (t) => {
    t.is(first.environment.AZURE_CLIENT_ID, second.environment.AZURE_CLIENT_ID);
    t.not(first.environment.AZURE_CLIENT_SECRET, second.environment.AZURE_CLIENT_SECRET);
    const { id, appId } = await askDirectory(first, '/applications', { displayName: 'shared' });
    await askDirectory(first, '/servicePrincipals', { appId });
    const { secretText } = await askDirectory(first, `/applications/${id}/addPassword`, {});
    await delay(TAKES_EFFECT_MS);
    const token = await tokenFrom(second, String(appId), String(secretText), 'https://managedhsm.azure.net');
    for (const server of [second, first]) {
      const headers = { authorization: `Bearer ${token}` };
      const { status, json } = await server.exchange(`${server.url}/keys?api-version=7.4`, 'GET', headers);
      t.deepEqual([status, json.error?.code], [403, 'AccessDenied'], 'known, and without a role');
    }
    const own = await second.accessToken();
    const keys = await first.exchange(`${first.url}/keys?api-version=7.4`, 'GET', { authorization: `Bearer ${own}` });
    t.is(keys.status, 200);
  },
);

test.serial('a server whose token has other pool keys does not come up, and does not say the password', async (t) => {
  const refusal = await t.throwsAsync(RunningServer.start(settings));
  t.regex(refusal.message, /^Ended with 69: /);
  t.false(refusal.message.includes(postgres.password));
});

test.serial(
  'a server with an address of the database that will not do says so, and that it is a setting',
  async (t) => {
    const refusal = await t.throwsAsync(
      RunningServer.start({ STRONGROOM_STORE_URL: 'postgres://user@one,one:5432/keys' }),
    );
    t.regex(
      refusal.message,
      /^Ended with 78: [\s\S]*store\.url: Expected hosts that differ .*, received "one:5432 twice"/,
    );
  },
);

test.serial(
  'who signs in at one server has a code that the other redeems, and a refresh token that both take',
  async (t) => {
    const { userName, password, toolId } = await peopleIn(first);
    await delay(TAKES_EFFECT_MS);
    const verifier = 'v'.repeat(43);
    const asked = {
      client_id: toolId,
      response_type: 'code',
      redirect_uri: 'http://localhost:1',
      scope: 'https://managedhsm.azure.net/.default offline_access',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    };
    const url = `${first.environment.AZURE_AUTHORITY_HOST}/adfs/oauth2/v2.0/authorize?${new URLSearchParams(asked)}`;
    const { formToken, cookie } = await visitPage(first, url);
    const form = { form_token: formToken, user_name: userName, password, decision: 'allow' };
    const { location } = await visitPage(first, url, form, cookie);
    const code = new URL(String(location)).searchParams.get('code') ?? '';
    const token = (server: RunningServer, grant: Record<string, string>) =>
      server.exchange(
        `${server.environment.AZURE_AUTHORITY_HOST}/adfs/oauth2/v2.0/token`,
        'POST',
        { 'content-type': 'application/x-www-form-urlencoded' },
        new URLSearchParams({ client_id: toolId, ...grant }).toString(),
      );
    const redemption = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: asked.redirect_uri,
      code_verifier: verifier,
    };
    const redeemed = await token(second, redemption);
    t.is(redeemed.status, 200);
    const renewal = { grant_type: 'refresh_token', refresh_token: String(redeemed.json.refresh_token) };
    const renewed = await token(first, renewal);
    t.is(renewed.status, 200);
    t.is((await token(second, renewal)).status, 400, 'used at the other server');
    const latest = { grant_type: 'refresh_token', refresh_token: String(renewed.json.refresh_token) };
    t.is((await token(first, latest)).status, 400, 'the line has ended at both');
  },
);

test.serial('a server that comes back serves what is there, and both end without a word of the password', async (t) => {
  await second.stop();
  await second.restart();
  t.is((await second.get('/keys/made-0')).status, 200);
  for (const server of [first, second]) {
    t.deepEqual(await server.stop(), { code: 0, signal: null });
    t.false(server.output.includes(postgres.password));
  }
});
