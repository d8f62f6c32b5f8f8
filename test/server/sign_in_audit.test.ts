import test from 'ava';
import { ALICE, PASSWORD, SignInSite } from './sign_in_site.ts';
import { TENANT } from './test_server.ts';

const site = await SignInSite.open();
const { audit } = site.server;
test.after.always(() => site.server.server.close());

test.serial('a person who signs in is on record, with the application, before the code leaves', async (t) => {
  audit.taken();
  await site.signIn(undefined, {}, { 'user-agent': 'a browser' });
  const [event, ...others] = audit.taken();
  t.deepEqual(others, []);
  const alice = site.users.get(ALICE);
  t.like(event, {
    operation: 'UserSignIn',
    result: 'Success',
    httpStatus: 200,
    callerAddress: '127.0.0.1',
    userAgent: 'a browser',
    requestUri: `${site.origin}/adfs/oauth2/v2.0/authorize`,
    target: `users/${alice?.id}`,
    principal: {
      objectId: alice?.id ?? '',
      tenantId: TENANT,
      applicationId: site.desktop.clientId,
      groups: [],
      kind: 'user',
      name: ALICE,
    },
  });
});

test.serial('a person who signs in for a device is on record', async (t) => {
  const { json } = await site.post('/adfs/oauth2/v2.0/devicecode', {
    client_id: site.desktop.clientId,
    scope: site.scope,
  });
  audit.taken();
  const { cookie, token } = await site.open('/device');
  const form = { form_token: token, user_code: String(json.user_code), user_name: ALICE, password: PASSWORD };
  await site.post('/device', { ...form, decision: 'allow' }, { cookie });
  t.deepEqual(
    audit.taken().map(({ operation, result, requestUri }) => ({ operation, result, requestUri })),
    [{ operation: 'UserSignIn', result: 'Success', requestUri: `${site.origin}/device` }],
  );
});

const FAILURES: readonly [who: string, userName: string, password: string, innerCode: string, isKnown: boolean][] = [
  ['a wrong password', ALICE, 'wrong', 'WrongPassword', true],
  ['a disabled user', 'disabled@contoso.example', PASSWORD, 'UserDisabled', true],
  ['nobody', 'a password in the wrong field', PASSWORD, 'WrongPassword', false],
];

for (const [who, userName, password, innerCode, isKnown] of FAILURES) {
  test.serial(`a sign-in of ${who} is on record as ${innerCode}, without what was typed`, async (t) => {
    audit.taken();
    await site.signIn(undefined, { user_name: userName, password });
    const [event, ...others] = audit.taken();
    t.deepEqual(others, []);
    t.like(event, { operation: 'UserSignIn', result: 'Unauthorized', innerCode, httpStatus: 401 });
    t.is(event?.principal, undefined);
    t.is(event?.target, isKnown ? `users/${site.users.get(userName)?.id}` : undefined);
    t.notRegex(JSON.stringify(event), /password|wrong"/);
  });
}

test.serial('a lock-out is on record', async (t) => {
  audit.taken();
  for (let n = 0; n < 10; n++) await site.signIn(undefined, { user_name: 'bob@contoso.example', password: 'wrong' });
  const events = audit.taken();
  t.is(events.filter(({ innerCode }) => innerCode === 'WrongPassword').length, 9);
  t.is(events.filter(({ innerCode }) => innerCode === 'UserLockedOut').length, 1);
});

for (const takesNothing of ['admitted', 'recorded'] as const) {
  test.serial(`while nothing can be ${takesNothing}, nobody gets a code, though the password is right`, async (t) => {
    audit.takesNothing = takesNothing;
    const reply = await site.signIn();
    audit.takesNothing = undefined;
    t.is(reply.status, 503);
    t.is(reply.headers.location, undefined);
    t.regex(reply.text, /Try again later/);
  });
}
