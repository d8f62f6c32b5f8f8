import test, { type ExecutionContext } from 'ava';
import { AttemptBudget } from '../../../src/identity/embedded/attempt_budget.ts';
import { EntraError, type EntraErrorCode } from '../../../src/identity/embedded/entra_error.ts';
import { hashPassword } from '../../../src/identity/embedded/password.ts';
import { UserAuthenticator } from '../../../src/identity/embedded/user_authenticator.ts';
import { directoryOf, TENANT, user } from './directory_fixture.ts';

const PASSWORD = 'correct horse battery staple';
const password = await hashPassword(PASSWORD);
const tenant = { id: TENANT, displayName: 'test' };
const alice = { ...user('alice@contoso.example'), password };
const directory = directoryOf({
  users: [
    alice,
    { ...user('disabled@contoso.example'), password, isEnabled: false },
    user('without@contoso.example'),
    { ...user('elsewhere@contoso.example'), password, tenantId: 'another' },
  ],
});

function open() {
  const users = new UserAuthenticator({ current: directory }, new AttemptBudget(() => 0));
  const attempt = (userName: string, given: string, address = '192.0.2.1') =>
    users.authenticate({ tenant, userName, password: given, address });
  return { attempt };
}

async function refused(t: ExecutionContext, attempt: Promise<unknown>, code: EntraErrorCode): Promise<string> {
  const error = await t.throwsAsync(attempt, { instanceOf: EntraError });
  t.is(error?.code, code);
  return error?.message ?? '';
}

test('a user with the right password is known, however the name is written', async (t) => {
  const { attempt } = open();
  for (const name of ['alice@contoso.example', 'ALICE@Contoso.Example', ' alice@contoso.example ']) {
    t.is((await attempt(name, PASSWORD)).user, alice);
  }
});

const WRONG: readonly [who: string, name: string, password: string][] = [
  ['a user with a wrong password', 'alice@contoso.example', 'wrong'],
  ['a user with an empty password', 'alice@contoso.example', ''],
  ['nobody', 'nobody@contoso.example', PASSWORD],
  ['an empty name', '', PASSWORD],
  ['a user without a password', 'without@contoso.example', ''],
  ['a user of another tenant', 'elsewhere@contoso.example', PASSWORD],
  ['a disabled user with a wrong password', 'disabled@contoso.example', 'wrong'],
];

for (const [who, name, given] of WRONG) {
  test(`${who} gets the answer that everybody gets`, async (t) => {
    const message = await refused(t, open().attempt(name, given), 'wrongPassword');
    t.is(message, 'Error validating credentials due to invalid username or password.');
  });
}

test('a disabled user is told so once the password is right', async (t) => {
  await refused(t, open().attempt('disabled@contoso.example', PASSWORD), 'userDisabled');
});

for (const name of ['alice@contoso.example', 'nobody@contoso.example']) {
  test(`${name} is locked out at the tenth wrong password, from everywhere`, async (t) => {
    const { attempt } = open();
    for (let n = 0; n < 9; n++) await refused(t, attempt(name, 'wrong', `192.0.2.${n}`), 'wrongPassword');
    await refused(t, attempt(name, 'wrong', '192.0.2.9'), 'userLockedOut');
    await refused(t, attempt(name, PASSWORD, '192.0.2.10'), 'userLockedOut');
    await refused(t, attempt(` ${name.toUpperCase()}`, PASSWORD, '192.0.2.11'), 'userLockedOut');
  });
}

test('many wrong passwords at once are counted as those one after the other', async (t) => {
  const { attempt } = open();
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) => attempt('alice@contoso.example', 'wrong', `192.0.2.${n}`)),
  );
  const codes = results.map((result) => result.status === 'rejected' && (result.reason as EntraError).code);
  t.is(codes.filter((code) => code === 'wrongPassword').length, 9);
  t.is(codes.filter((code) => code === 'userLockedOut').length, 11);
});

test('an address that has guessed twenty times waits, whomever it guesses at', async (t) => {
  const { attempt } = open();
  const guesses = Array.from({ length: 20 }, (_, n) => attempt(`user${n}@contoso.example`, 'wrong'));
  await Promise.allSettled(guesses);
  await refused(t, attempt('alice@contoso.example', PASSWORD), 'tooManyRequests');
  await t.notThrowsAsync(attempt('alice@contoso.example', PASSWORD, '192.0.2.2'));
});

test('who signs in rightly is never slowed down', async (t) => {
  const { attempt } = open();
  for (let n = 0; n < 25; n++) await attempt('alice@contoso.example', PASSWORD);
  t.pass();
});

test('more passwords at once than are hashed or wait are refused', async (t) => {
  const { attempt } = open();
  const results = await Promise.allSettled(
    Array.from({ length: 40 }, (_, n) => attempt(`user${n}@contoso.example`, 'wrong', `192.0.2.${n}`)),
  );
  const codes = results.map((result) => result.status === 'rejected' && (result.reason as EntraError).code);
  t.is(codes.filter((code) => code === 'tooManyRequests').length, 6);
});

test('no refusal repeats the password or the name', async (t) => {
  const { attempt } = open();
  const error = await t.throwsAsync(attempt('somebody@contoso.example', 'a secret that was typed'));
  t.notRegex(`${error?.message}${error?.stack}`, /somebody|secret/);
});
