import test from 'ava';
import { Authenticator } from '../../src/identity/authenticator.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { compact, goodClaims, issuer, OBJECT_ID, RS256_HEADER, rs256, rsa } from './token_fixture.ts';

/** An authenticator with a clock to turn, and a count of how often a key was asked for. */
function fixture() {
  const state = { nowMs: 1_800_000_000_000, verifications: 0 };
  const counting: typeof issuer = {
    ...issuer,
    keys: (header, token) => {
      state.verifications++;
      return issuer.keys(header, token);
    },
  };
  const authenticator = new Authenticator([counting], () => state.nowMs);
  const token = (changes: Record<string, unknown> = {}) =>
    compact(RS256_HEADER, { ...goodClaims(state.nowMs), ...changes }, rs256(rsa.privateKey));
  return { state, authenticator, token };
}

test('a verified token is not verified again for a minute', async (t) => {
  const { state, authenticator, token } = fixture();
  const text = token();
  await authenticator.authenticate(text);
  state.nowMs += 59_000;
  t.deepEqual(authenticator.authenticate(text), await authenticator.authenticate(text));
  t.false(authenticator.authenticate(text) instanceof Promise);
  t.is(state.verifications, 1);
  state.nowMs += 2_000;
  t.is((await authenticator.authenticate(text)).objectId, OBJECT_ID);
  t.is(state.verifications, 2);
});

test('a token ends when it ends, remembered or not', async (t) => {
  const { state, authenticator, token } = fixture();
  const text = token({ exp: state.nowMs / 1000 + 10 - LIMITS.clockSkewSeconds });
  await authenticator.authenticate(text);
  state.nowMs += 9_000;
  t.notThrows(() => authenticator.authenticate(text));
  state.nowMs += 2_000;
  await t.throwsAsync(async () => authenticator.authenticate(text), { code: 'Unauthorized' });
});

test('a clock that is set back makes no token live longer', async (t) => {
  const { state, authenticator, token } = fixture();
  const text = token();
  await authenticator.authenticate(text);
  state.nowMs -= 1_000;
  await authenticator.authenticate(text);
  t.is(state.verifications, 2);
});

test('a token that is refused is not remembered as good', async (t) => {
  const { authenticator, token } = fixture();
  const text = token({ tid: OBJECT_ID });
  for (let i = 0; i < 2; i++)
    await t.throwsAsync(async () => authenticator.authenticate(text), { code: 'Unauthorized' });
});

test('a changed signature is another token', async (t) => {
  const { authenticator, token } = fixture();
  const text = token();
  await authenticator.authenticate(text);
  await t.throwsAsync(async () => authenticator.authenticate(`${text.slice(0, -4)}AAAA`), { code: 'Unauthorized' });
});

const HEADERS: readonly [header: string | undefined, token: string | undefined][] = [
  ['Bearer a.b.c', 'a.b.c'],
  ['bearer a.b.c', 'a.b.c'],
  ['Bearer  a.b.c', 'a.b.c'],
  [undefined, undefined],
  ['', undefined],
  ['Bearer', undefined],
  ['Bearer ', undefined],
  ['Bearer a b', 'a b'],
  ['Bearera.b.c', undefined],
  ['Basic a.b.c', undefined],
  [`Bearer ${'a'.repeat(LIMITS.accessTokenCharacters)}`, undefined],
];

test('an Authorization header gives its bearer token or nothing', (t) => {
  for (const [header, token] of HEADERS) t.is(Authenticator.bearerToken(header), token, header);
});
