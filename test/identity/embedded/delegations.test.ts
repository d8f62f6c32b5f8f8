import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { CodeDelegation, Delegation } from '../../../src/identity/embedded/delegation.ts';
import { Delegations } from '../../../src/identity/embedded/delegations.ts';
import { EntraError, type EntraErrorCode } from '../../../src/identity/embedded/entra_error.ts';
import { openDocuments } from '../../fixtures/open_documents.ts';
import { TENANT } from './directory_fixture.ts';

const DAY_MS = 24 * 60 * 60_000;
const opened = await openDocuments();
const { token: sample } = await started();
test.after.always(() => opened.close());

function pass(): void {}

function deny(): void {
  throw new EntraError('userDisabled', 'No.');
}

function delegation(userId: string, openIdScopes: readonly string[] = ['openid', 'offline_access']): CodeDelegation {
  return {
    tenantId: TENANT,
    userId,
    clientId: 'client',
    access: { audience: 'https://managedhsm.localhost', permissions: ['.default'], openIdScopes },
    signedInMs: 5,
    passwordSalt: 'salt',
    redirectUri: 'http://localhost:1',
    challenge: 'c',
    nonce: 'n',
  };
}

function open() {
  const clock = { nowMs: 1_000_000 };
  const userId = randomUUID();
  return { clock, userId, delegations: new Delegations(opened.documents, () => clock.nowMs) };
}

/** A user with one line of refresh tokens, and its first. */
async function started(): Promise<ReturnType<typeof open> & { readonly token: string }> {
  const parts = open();
  const token = await parts.delegations.start(delegation(parts.userId));
  if (token === undefined) throw new Error('no refresh token');
  return { ...parts, token };
}

async function refused(t: ExecutionContext, attempt: Promise<unknown>, code: EntraErrorCode): Promise<void> {
  const error = await t.throwsAsync(attempt, { instanceOf: EntraError });
  t.is(error?.code, code);
}

test('a code gives back what was allowed, once', async (t) => {
  const { userId, delegations } = open();
  const allowed = delegation(userId);
  const code = await delegations.addCode(allowed);
  const redeemed = await delegations.redeemCode(code, pass);
  t.deepEqual(redeemed.delegation, allowed);
  t.is(typeof redeemed.refreshToken, 'string');
  await refused(t, delegations.redeemCode(code, pass), 'codeReused');
});

test('the second use of a code ends the refresh tokens that the first gave', async (t) => {
  const { userId, delegations } = open();
  const code = await delegations.addCode(delegation(userId));
  const { refreshToken = '' } = await delegations.redeemCode(code, pass);
  const next = (await delegations.rotate(refreshToken, pass)).refreshToken ?? '';
  await refused(t, delegations.redeemCode(code, pass), 'codeReused');
  await refused(t, delegations.rotate(next, pass), 'refreshTokenInvalid');
});

test('a code without offline_access gives no refresh token', async (t) => {
  const { userId, delegations } = open();
  const code = await delegations.addCode(delegation(userId, ['openid']));
  t.is((await delegations.redeemCode(code, pass)).refreshToken, undefined);
  await refused(t, delegations.redeemCode(code, pass), 'codeInvalid');
});

test('a code is good for less than a minute', async (t) => {
  const { clock, userId, delegations } = open();
  const [one, other] = [await delegations.addCode(delegation(userId)), await delegations.addCode(delegation(userId))];
  clock.nowMs += 59_999;
  await t.notThrowsAsync(delegations.redeemCode(one, pass));
  clock.nowMs += 1;
  await refused(t, delegations.redeemCode(other, pass), 'codeInvalid');
});

test('a code that fails the check is used up all the same', async (t) => {
  const { userId, delegations } = open();
  const code = await delegations.addCode(delegation(userId));
  await refused(t, delegations.redeemCode(code, deny), 'userDisabled');
  await refused(t, delegations.redeemCode(code, pass), 'codeInvalid');
});

test('of many that redeem one code at once, one succeeds and what it was given ends', async (t) => {
  const { userId, delegations } = open();
  const code = await delegations.addCode(delegation(userId));
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => delegations.redeemCode(code, pass)));
  const given = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.refreshToken ?? ''] : []));
  t.is(given.length, 1);
  await refused(t, delegations.rotate(given[0] ?? '', pass), 'refreshTokenInvalid');
});

test('a refresh token gives the next one, at another server too', async (t) => {
  const { clock, token, delegations } = await started();
  const { delegation: first, refreshToken: second = '' } = await delegations.rotate(token, pass);
  t.like(first, { clientId: 'client', tenantId: TENANT });
  t.not(second, token);
  const elsewhere = new Delegations(opened.again(), () => clock.nowMs);
  await t.notThrowsAsync(elsewhere.rotate(second, pass));
});

test('a refresh token that was used before ends all that came after it, and no other line', async (t) => {
  const { userId, token, delegations } = await started();
  const other = (await delegations.start(delegation(userId))) ?? '';
  const second = (await delegations.rotate(token, pass)).refreshToken ?? '';
  const third = (await delegations.rotate(second, pass)).refreshToken ?? '';
  await refused(t, delegations.rotate(token, pass), 'refreshTokenInvalid');
  await refused(t, delegations.rotate(third, pass), 'refreshTokenInvalid');
  await t.notThrowsAsync(delegations.rotate(other, pass));
});

test('of many that use one refresh token at once, one is given the next, and the line has ended', async (t) => {
  const { token, delegations } = await started();
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => delegations.rotate(token, pass)));
  const given = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.refreshToken ?? ''] : []));
  t.is(given.length, 1);
  await refused(t, delegations.rotate(given[0] ?? '', pass), 'refreshTokenInvalid');
});

test('a refresh token that fails the check ends its line', async (t) => {
  const { token, delegations } = await started();
  await refused(t, delegations.rotate(token, deny), 'userDisabled');
  await refused(t, delegations.rotate(token, pass), 'refreshTokenInvalid');
});

test('a refresh token that is not used for 14 days has ended', async (t) => {
  const { clock, token, delegations } = await started();
  clock.nowMs += 14 * DAY_MS - 1;
  const second = (await delegations.rotate(token, pass)).refreshToken ?? '';
  clock.nowMs += 14 * DAY_MS;
  await refused(t, delegations.rotate(second, pass), 'refreshTokenInvalid');
});

test('a line of refresh tokens ends after 90 days, however often it is used', async (t) => {
  const { clock, token, delegations } = await started();
  let latest = token;
  for (let day = 10; day < 90; day += 10) {
    clock.nowMs += 10 * DAY_MS;
    latest = (await delegations.rotate(latest, pass)).refreshToken ?? '';
  }
  clock.nowMs += 10 * DAY_MS;
  await refused(t, delegations.rotate(latest, pass), 'refreshTokenInvalid');
});

test('a user has 32 lines at most: the one that was used longest ago makes room', async (t) => {
  const { userId, token, delegations } = await started();
  const second = (await delegations.start(delegation(userId))) ?? '';
  const used = (await delegations.rotate(token, pass)).refreshToken ?? '';
  for (let n = 2; n < 33; n++) await delegations.start(delegation(userId));
  await refused(t, delegations.rotate(second, pass), 'refreshTokenInvalid');
  await t.notThrowsAsync(delegations.rotate(used, pass));
});

test('the store has neither codes nor refresh tokens, only digests', async (t) => {
  const { userId, token, delegations } = await started();
  const code = await delegations.addCode(delegation(userId));
  const sealed = await opened.store.findDocument('delegation', userId);
  const content = sealed?.record.content ?? '';
  t.true(content.includes('"digest"'));
  for (const text of [token, code]) {
    t.false(content.includes(text));
    t.false(content.includes(Buffer.from(text, 'base64url').subarray(-32).toString('base64url')));
  }
});

const MALFORMED: readonly [what: string, text: string][] = [
  ['nothing', ''],
  ['a letter', 'x'],
  ['what is too short', sample.slice(0, -2)],
  ['what is too long', `${sample}AAAA`],
  ['a token with padding', `${sample}=`],
  ['a token with a blank', `${sample} `],
  ['letters that are no base64url', 'ä'.repeat(86)],
];

for (const [what, text] of MALFORMED) {
  test(`${what} is neither a code nor a refresh token`, async (t) => {
    const { delegations } = open();
    await refused(t, delegations.redeemCode(text, pass), 'codeInvalid');
    await refused(t, delegations.rotate(text, pass), 'refreshTokenInvalid');
  });
}

test('a refresh token is no code, and a code no refresh token', async (t) => {
  const { userId, token, delegations } = await started();
  await refused(t, delegations.redeemCode(token, pass), 'codeInvalid');
  await refused(t, delegations.rotate(await delegations.addCode(delegation(userId)), pass), 'refreshTokenInvalid');
});

test('a guess at the secret of another user changes nothing but the line it names', async (t) => {
  const { userId, token, delegations } = await started();
  const bytes = Buffer.from(token, 'base64url');
  const otherLine = Buffer.concat([bytes.subarray(0, 16), Buffer.alloc(16, 7), bytes.subarray(32)]).toString(
    'base64url',
  );
  await refused(t, delegations.rotate(otherLine, pass), 'refreshTokenInvalid');
  t.is((await opened.store.findDocument('delegation', userId))?.record.revision, 1);
  await t.notThrowsAsync(delegations.rotate(token, pass));
});

test('sweeping removes what has ended and what belongs to nobody, and leaves the rest', async (t) => {
  const { clock, userId, token, delegations } = await started();
  const gone = randomUUID();
  await delegations.start({ ...delegation(gone) } satisfies Delegation);
  const old = randomUUID();
  await new Delegations(opened.documents, () => clock.nowMs - 15 * DAY_MS).start(delegation(old));
  await delegations.sweep((id) => id !== gone);
  t.is(await opened.store.findDocument('delegation', gone), undefined);
  t.is(await opened.store.findDocument('delegation', old), undefined);
  t.not(await opened.store.findDocument('delegation', userId), undefined);
  await t.notThrowsAsync(delegations.rotate(token, pass));
});
