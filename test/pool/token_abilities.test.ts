import test from 'ava';
import { ALGORITHMS, type Algorithm } from '../../src/model/algorithm.ts';
import { MECHANISM, MECHANISM_FLAG } from '../../src/pkcs11/mechanism.ts';
import { TokenAbilities } from '../../src/pool/token_abilities.ts';
import { until } from './several_tokens.ts';

const ALL_FLAGS = Object.values(MECHANISM_FLAG).reduce((flags, flag) => flags | flag, 0);
const LISTED = new Map(
  Object.values(MECHANISM).map((mechanism) => [
    mechanism,
    { minimumKeySize: 0, maximumKeySize: 8192, flags: ALL_FLAGS },
  ]),
);
const PROFILE = {
  oaepHashes: new Set(['SHA-1', 'SHA-256'] as const),
  curves: new Set(['P-256', 'P-384', 'P-521', 'P-256K'] as const),
};
const HOUR_MS = 3_600_000;

function abilities(lookAgainMs = HOUR_MS, isWritable = true): { readonly token: TokenAbilities; changes: number } {
  const watched = {
    changes: 0,
    token: new TokenAbilities(PROFILE, isWritable, () => watched.changes++, lookAgainMs),
  };
  watched.token.learn(LISTED);
  return watched;
}

const row = (name: 'ES256' | 'RSA-OAEP-256' | 'RS256'): Algorithm => ALGORITHMS.get(name) as Algorithm;
const waysOf = ({ realisations }: TokenAbilities, name: Parameters<typeof row>[0]): string[] =>
  row(name)
    .realisations.filter((each) => realisations.has(each))
    .map(({ way }) => way);

test('what a token lists it can do', (t) => {
  const { token } = abilities();
  t.deepEqual(waysOf(token, 'ES256'), ['direct']);
  t.deepEqual(waysOf(token, 'RSA-OAEP-256'), ['direct', 'oaepInHost']);
  t.true(token.mechanisms.has(MECHANISM.CKM_ECDSA));
  t.true(token.takesObjects);
});

test('a mechanism that is put aside is asked for no more, and all others are', (t) => {
  const watched = abilities();
  watched.token.putAside(MECHANISM.CKM_ECDSA);
  t.deepEqual(waysOf(watched.token, 'ES256'), []);
  t.deepEqual(waysOf(watched.token, 'RS256'), ['digestInfo']);
  t.false(watched.token.mechanisms.has(MECHANISM.CKM_ECDSA));
  t.is(watched.changes, 1);
  watched.token.putAside(MECHANISM.CKM_ECDSA);
  t.is(watched.changes, 1, 'once is enough');
  watched.token.close();
});

test('raw RSA does not take the place of a padding that was put aside', (t) => {
  const { token } = abilities();
  token.putAside(MECHANISM.CKM_RSA_PKCS_OAEP);
  t.deepEqual(waysOf(token, 'RSA-OAEP-256'), []);
  token.close();
});

test('it is looked at again after a while', async (t) => {
  const watched = abilities(20);
  watched.token.putAside(MECHANISM.CKM_ECDSA);
  watched.token.putAside('writing');
  await until(() => watched.changes === 4);
  t.deepEqual(waysOf(watched.token, 'ES256'), ['direct']);
  t.true(watched.token.takesObjects);
});

test('it is looked at again when somebody asks for that, and nobody is told where nothing was aside', (t) => {
  const watched = abilities();
  watched.token.lookAgain();
  t.is(watched.changes, 0);
  watched.token.putAside('writing');
  t.false(watched.token.takesObjects);
  t.deepEqual(waysOf(watched.token, 'ES256'), ['direct'], 'it reads all the same');
  watched.token.lookAgain();
  t.true(watched.token.takesObjects);
});

test('a token that says it is write-protected is given no objects, however often it is looked at', (t) => {
  const { token } = abilities(HOUR_MS, false);
  token.lookAgain();
  t.false(token.takesObjects);
});
