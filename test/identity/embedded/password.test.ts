import { argon2Sync } from 'node:crypto';
import test from 'ava';
import { hashPassword, isPassword, NO_PASSWORD, passwordComplaint } from '../../../src/identity/embedded/password.ts';

const PASSWORD = 'correct horse battery staple';

test('a password is known again, and another one is not', async (t) => {
  const kept = await hashPassword(PASSWORD);
  t.true(await isPassword(PASSWORD, kept));
  t.false(await isPassword(`${PASSWORD} `, kept));
  t.false(await isPassword(PASSWORD.toUpperCase(), kept));
  t.false(await isPassword('', kept));
});

test('what is kept has neither the password nor what another hash of it has', async (t) => {
  const [one, other] = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
  t.false(JSON.stringify(one).includes(PASSWORD));
  t.not(one.salt, other.salt);
  t.not(one.hash, other.hash);
});

test('the hash is argon2id with the second recommended parameters of RFC 9106', async (t) => {
  const kept = await hashPassword(PASSWORD);
  t.like(kept, { algorithm: 'argon2id', memoryKib: 65_536, passes: 3, lanes: 4 });
  const derived = argon2Sync('argon2id', {
    message: PASSWORD,
    nonce: Buffer.from(kept.salt, 'base64url'),
    memory: 65_536,
    passes: 3,
    parallelism: 4,
    tagLength: 32,
  });
  t.is(derived.toString('base64url'), kept.hash);
});

test('letters that look the same are the same, whichever keyboard they come from', async (t) => {
  const kept = await hashPassword('Ångström staple 15');
  t.true(await isPassword('A\u030Angstro\u0308m staple 15', kept));
});

test('nobody has the password that stands in for users who do not exist', async (t) => {
  t.false(await isPassword('', NO_PASSWORD));
  t.false(await isPassword(PASSWORD, NO_PASSWORD));
});

test('a password longer than any is wrong, also where its beginning is right', async (t) => {
  const longest = 'abcdefgh'.repeat(32);
  const kept = await hashPassword(longest);
  t.true(await isPassword(longest, kept));
  t.false(await isPassword(`${longest}x`, kept));
});

const COMPLAINTS: readonly [what: string, password: string][] = [
  ['of 14 characters', 'abcdefghijklmn'],
  ['of 257 characters', 'abcdefgh'.repeat(32).concat('x')],
  ['that is empty', ''],
  ['of few characters repeated', 'abababababababab'],
  ['that is little more than the name', 'alice-alice-alice-1'],
];

for (const [what, password] of COMPLAINTS) {
  test(`a password ${what} is refused`, (t) => {
    t.regex(passwordComplaint(password, 'alice@contoso.example') ?? '', /^Expected a password|^Expected 15 to 256/);
  });
}

test('a password of 15 characters and one of 256 are taken, whatever letters they have', (t) => {
  t.is(passwordComplaint('abcdefghijklmno', 'alice@contoso.example'), undefined);
  t.is(passwordComplaint('abcdefgh'.repeat(32), 'alice@contoso.example'), undefined);
});

test('no complaint repeats the password', (t) => {
  for (const [, password] of COMPLAINTS) {
    if (password !== '') t.false(passwordComplaint(password, 'alice@contoso.example')?.includes(password));
  }
});
