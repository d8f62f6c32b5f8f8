import test from 'ava';
import { Authenticator } from '../../src/identity/authenticator.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { badTokens } from './bad_tokens/bad_tokens.ts';
import { CountingServer } from './counting_server.ts';
import {
  entraIssuer,
  entraToken,
  goodEcToken,
  goodToken,
  issuer,
  otherEcToken,
  otherIssuer,
  otherToken,
} from './token_fixture.ts';

const authenticator = new Authenticator([issuer, otherIssuer, entraIssuer]);
const elsewhere = await CountingServer.open();
test.after.always(() => elsewhere.close());
const BAD_TOKENS = badTokens(elsewhere.url);

test('there are at least 400 bad tokens, and no two are the same', (t) => {
  t.true(BAD_TOKENS.length >= 400, String(BAD_TOKENS.length));
  t.is(new Set(BAD_TOKENS.map(([what]) => what)).size, BAD_TOKENS.length);
});

for (const [what, token] of BAD_TOKENS) {
  test(`refused: ${what}`, async (t) => {
    await t.throwsAsync(async () => authenticator.authenticate(token), {
      instanceOf: StrongroomError,
      code: 'Unauthorized',
    });
  });
}

for (const [what, make] of [
  ['the first issuer by RS256', goodToken],
  ['the first issuer by ES256', goodEcToken],
  ['the other issuer by PS256', otherToken],
  ['the other issuer by ES384', otherEcToken],
  ['Entra', entraToken],
] as const) {
  test(`accepted: what all of them are made from, a good token of ${what}`, async (t) => {
    await t.notThrowsAsync(async () => authenticator.authenticate(make()));
  });
}

test.serial.after('nobody was asked because of what a token says', (t) => {
  t.is(elsewhere.connections, 0);
});
