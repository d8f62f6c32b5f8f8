import test from 'ava';
import { decodeJwt } from 'jose';
import { ALICE, type OpenForm, PASSWORD, SignInSite } from './sign_in_site.ts';
import type { Reply } from './test_server.ts';

const site = await SignInSite.open();
test.after.always(() => site.server.server.close());

interface Device {
  readonly userCode: string;
  readonly deviceCode: string;
}

async function askForCode(): Promise<Device> {
  const { json } = await site.post('/adfs/oauth2/v2.0/devicecode', {
    client_id: site.desktop.clientId,
    scope: site.scope,
  });
  return { userCode: String(json.user_code), deviceCode: String(json.device_code) };
}

const poll = ({ deviceCode }: Device, changes: Record<string, string> = {}): Promise<Reply> =>
  site.token({ grant_type: 'device_code', device_code: deviceCode, ...changes });

const errorOf = ({ json }: Reply): unknown[] => [json.error, ...(json.error_codes as number[])];

function send({ cookie, token }: OpenForm, form: Record<string, string>): Promise<Reply> {
  return site.post('/device', { form_token: token, ...form }, { cookie, origin: site.origin });
}

async function decide(userCode: string, changes: Record<string, string> = {}): Promise<Reply> {
  const form = await site.open('/device');
  return send(form, { user_code: userCode, user_name: ALICE, password: PASSWORD, decision: 'allow', ...changes });
}

test.serial('a device is told where its person goes, and with what', async (t) => {
  const { status, json } = await site.post('/adfs/oauth2/v2.0/devicecode', {
    client_id: site.desktop.clientId,
    scope: site.scope,
  });
  t.is(status, 200);
  t.deepEqual(Object.keys(json).sort(), [
    'device_code',
    'expires_in',
    'interval',
    'message',
    'user_code',
    'verification_uri',
  ]);
  t.like(json, { verification_uri: `${site.origin}/device`, expires_in: 900, interval: 5 });
  t.true(String(json.message).includes(String(json.user_code)));
});

for (const grant of ['device_code', 'urn:ietf:params:oauth:grant-type:device_code']) {
  test.serial(
    `a person enters the code, sees what asks, and signs in; the device gets its tokens by ${grant}`,
    async (t) => {
      const device = await askForCode();
      t.deepEqual(errorOf(await poll(device, { grant_type: grant })), ['authorization_pending', 70016]);
      const page = await send(await site.open('/device'), { user_code: device.userCode });
      t.is(page.status, 200);
      for (const shown of ['Key tool', 'demo.managedhsm.localhost', '127.0.0.1', device.userCode]) {
        t.true(page.text.includes(shown), shown);
      }
      const done = await decide(device.userCode);
      t.is(done.status, 200);
      t.regex(done.text, /You are signed in/);
      const { status, json } = await poll(device, { grant_type: grant });
      t.is(status, 200);
      t.is(decodeJwt(String(json.access_token)).upn, ALICE);
      t.deepEqual(Object.keys(json).sort(), [
        'access_token',
        'client_info',
        'expires_in',
        'ext_expires_in',
        'id_token',
        'refresh_token',
        'scope',
        'token_type',
      ]);
      t.is((await site.refresh(String(json.refresh_token))).status, 200);
      t.deepEqual(errorOf(await poll(device)), ['bad_verification_code', 70018]);
    },
  );
}

test.serial('a device that asks too often is told to slow down', async (t) => {
  const device = await askForCode();
  await poll(device);
  t.deepEqual(errorOf(await poll(device)), ['slow_down', 90055]);
  await decide(device.userCode, { decision: 'decline' });
});

test.serial('a person who declines needs no password, and the device is told', async (t) => {
  const device = await askForCode();
  const done = await decide(device.userCode, { decision: 'decline', user_name: '', password: '' });
  t.regex(done.text, /Declined/);
  t.deepEqual(errorOf(await poll(device)), ['authorization_declined', 65004]);
});

test.serial('a wrong password keeps the device waiting, and the page comes back', async (t) => {
  const device = await askForCode();
  const page = await decide(device.userCode, { password: 'wrong' });
  t.is(page.status, 400);
  t.regex(page.text, /The user name or the password is not right/);
  t.true(page.text.includes(device.userCode));
  t.deepEqual(errorOf(await poll(device)), ['authorization_pending', 70016]);
  await decide(device.userCode, { decision: 'decline' });
});

test.serial('a form without its token decides nothing', async (t) => {
  const device = await askForCode();
  const page = await decide(device.userCode, { form_token: '' });
  t.is(page.status, 403);
  t.deepEqual(errorOf(await poll(device)), ['authorization_pending', 70016]);
  await decide(device.userCode, { decision: 'decline' });
});

test.serial('a code that nobody was given, and one that was used, are not known', async (t) => {
  const device = await askForCode();
  await decide(device.userCode, { decision: 'decline' });
  for (const code of ['BCDF-GHJK', device.userCode, '', '<script>']) {
    const page = await decide(code);
    t.is(page.status, 400);
    t.regex(page.text, /This code is not known, has expired, or has been used/);
    t.notRegex(page.text, /<script/);
  }
});

test.serial('the code of one client is of no use to another', async (t) => {
  const device = await askForCode();
  await decide(device.userCode);
  const other = { client_id: site.server.clientId, client_secret: site.server.secret };
  t.deepEqual(errorOf(await poll(device, other)), ['bad_verification_code', 70018]);
  t.is((await poll(device)).status, 200);
});

test.serial('an application that is not registered as public gets no code without its secret', async (t) => {
  const reply = await site.post('/adfs/oauth2/v2.0/devicecode', {
    client_id: site.website.clientId,
    scope: site.scope,
  });
  t.deepEqual(errorOf(reply), ['invalid_client', 7000218]);
});

test.serial('who guesses codes is stopped after twenty', async (t) => {
  const form = await site.open('/device');
  const statuses: number[] = [];
  for (let n = 0; n < 22; n++) statuses.push((await send(form, { user_code: 'BCDF-GHJK' })).status);
  t.true(statuses.includes(429));
});
