import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { Chromium, NO_CHROMIUM } from '../fixtures/chromium.ts';
import { testUnless } from '../fixtures/test_unless.ts';
import { visitPage } from './page_visit.ts';
import { peopleIn } from './people.ts';
import { plainEnvironment, RunningServer } from './running_server.ts';

const PROGRAM = new URL('sign_in_program.mjs', import.meta.url).pathname;
const PATIENCE_MS = 60_000;

const server = await RunningServer.start();
const people = await peopleIn(server);
await server.post('/keys/invoices/create', { kty: 'EC-HSM', crv: 'P-256' });
const directory = mkdtempSync(join(tmpdir(), 'strongroom-sign-in-'));
test.after.always(async () => {
  await server.remove();
  rmSync(directory, { recursive: true });
});

const { AZURE_AUTHORITY_HOST: issuer = '', NODE_EXTRA_CA_CERTS = '', STRONGROOM_URL = '' } = server.environment;
const signedIn = { user_name: people.userName, password: people.password, decision: 'allow' };

type Said = Readonly<Record<string, unknown>>;

/** Azure's program as its person starts it: what it says, line by line. */
class Program {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(how: 'device' | 'browser' | 'code', more: Readonly<Record<string, string>> = {}) {
    const client = { AZURE_AUTHORITY_HOST: issuer, NODE_EXTRA_CA_CERTS, STRONGROOM_URL, TOOL_CLIENT_ID: people.toolId };
    const env = { ...plainEnvironment(), ...client, ...more };
    this.#child = spawn(process.execPath, [PROGRAM, how], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const { stdout, stderr } = this.#child;
    if (stdout === null) throw new Error('The program has no output.');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString('utf8');
    });
  }

  async says(): Promise<Said> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`The program has ended: ${this.#errors}`);
    return JSON.parse(value) as Said;
  }
}

/** The signature is one of the key, and the token that the program had in the end is the person's own. */
async function checkOutcome(
  t: ExecutionContext,
  { keyId, signature, claims }: Said,
  applicationId: string,
): Promise<void> {
  const { json } = await server.get(new URL(String(keyId)).pathname);
  const { x, y } = json.key as { x: string; y: string };
  const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  const bytes = Buffer.from(String(signature), 'base64url');
  t.true(verify('sha256', Buffer.from('Pay 100 to Alice'), { key, dsaEncoding: 'ieee-p1363' }, bytes));
  t.like(claims, { aud: 'https://managedhsm.azure.net', oid: people.userId, idtyp: 'user', appid: applicationId });
}

test.serial('DeviceCodeCredential signs with a key, for a person who enters its code elsewhere', async (t) => {
  const program = new Program('device');
  const { userCode, verificationUri, message } = await program.says();
  t.is(verificationUri, `${issuer}/device`);
  t.true(String(message).includes(String(userCode)));
  const first = await visitPage(server, String(verificationUri));
  const code = { form_token: first.formToken, user_code: String(userCode) };
  const second = await visitPage(server, String(verificationUri), code, first.cookie);
  t.true(second.text.includes('Key tool'));
  const decided = { ...code, form_token: second.formToken, ...signedIn };
  const third = await visitPage(server, String(verificationUri), decided, second.cookie);
  t.is(third.status, 200);
  await checkOutcome(t, await program.says(), people.toolId);
});

test.serial('AuthorizationCodeCredential signs with a key, with the secret of its application', async (t) => {
  const { clientId, secret, redirectUri } = people.site;
  const scope = `https://managedhsm.localhost:${server.port}/.default offline_access openid profile`;
  const asked = { client_id: clientId, response_type: 'code', redirect_uri: redirectUri, scope, state: 'x' };
  const url = `${issuer}/adfs/oauth2/v2.0/authorize?${new URLSearchParams(asked)}`;
  const page = await visitPage(server, url);
  const { status, location } = await visitPage(server, url, { form_token: page.formToken, ...signedIn }, page.cookie);
  t.is(status, 303);
  const code = new URL(String(location)).searchParams.get('code') ?? '';
  const program = new Program('code', {
    SITE_CLIENT_ID: clientId,
    SITE_CLIENT_SECRET: secret,
    SITE_CODE: code,
    SITE_REDIRECT_URI: redirectUri,
  });
  await checkOutcome(t, await program.says(), clientId);
});

testUnless(NO_CHROMIUM).serial(
  'InteractiveBrowserCredential signs with a key, for a person who signs in in Chromium',
  async (t) => {
    const opened = join(directory, 'opened');
    const opener = join(directory, 'open');
    // What the library starts in place of a browser says where it would have gone.
    writeFileSync(opener, `#!/bin/sh\nprintf '%s' "$1" >'${opened}.part' && mv '${opened}.part' '${opened}'\n`, {
      mode: 0o700,
    });
    const program = new Program('browser', { BROWSER: opener });
    await until(() => existsSync(opened));
    const browser = await Chromium.open(new URL(issuer).hostname, server.port);
    t.teardown(() => browser.close());
    await browser.open(readFileSync(opened, 'utf8'));
    await browser.waitFor('document.activeElement?.id === "user_name"');
    await browser.type(people.userName);
    await browser.press('Tab');
    await browser.type(people.password);
    await browser.press('Enter');
    await checkOutcome(t, await program.says(), people.toolId);
  },
);

test.serial('a refresh token outlasts a restart of the server, once', async (t) => {
  const verifier = 'v'.repeat(43);
  const asked = {
    client_id: people.toolId,
    response_type: 'code',
    redirect_uri: 'http://localhost:1',
    scope: `https://managedhsm.localhost:${server.port}/.default offline_access`,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
  const url = `${issuer}/adfs/oauth2/v2.0/authorize?${new URLSearchParams(asked)}`;
  const page = await visitPage(server, url);
  const { location } = await visitPage(server, url, { form_token: page.formToken, ...signedIn }, page.cookie);
  const code = new URL(String(location)).searchParams.get('code') ?? '';
  const redeem = (form: Record<string, string>) =>
    server.exchange(
      `${issuer}/adfs/oauth2/v2.0/token`,
      'POST',
      { 'content-type': 'application/x-www-form-urlencoded' },
      new URLSearchParams({ client_id: people.toolId, ...form }).toString(),
    );
  const { redirect_uri: redirectUri } = asked;
  const grant = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier };
  const first = await redeem(grant);
  t.is(first.status, 200);
  t.false(server.output.includes(people.password));
  await server.stop();
  await server.restart();
  const renewal = { grant_type: 'refresh_token', refresh_token: String(first.json.refresh_token) };
  t.is((await redeem(renewal)).status, 200);
  t.is((await redeem(renewal)).status, 400);
});

async function until(isSo: () => boolean): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > endMs) throw new Error('It did not come to that in time.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
