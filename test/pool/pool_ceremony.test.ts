import test, { type ExecutionContext } from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import {
  bringInEverywhere,
  lockEverywhere,
  requireAllAtHand,
  settleEverywhere,
  stageEverywhere,
  type TokensAtHand,
  takeOutOfPool,
} from '../../src/pool/pool_ceremony.ts';
import { settleIncomingPoolKeys } from '../../src/pool/pool_key_ceremony.ts';
import type { DomainItem } from '../../src/security_domain/domain_cipher.ts';
import { type CeremonyParty, tokensFor } from './ceremony_tokens.ts';

const POOL_KEY_OBJECTS = 6;
const INPUT = Buffer.from('what the store holds');

async function refused(t: ExecutionContext, attempt: Promise<unknown>, innerCode: string, says: RegExp): Promise<void> {
  const error = await t.throwsAsync(attempt, { instanceOf: StrongroomError });
  t.is(error.innerCode, innerCode, error.message);
  t.regex(error.message, says);
}

const bringIn =
  (items: readonly DomainItem[]) =>
  ({ tokens }: TokensAtHand): Promise<string[]> =>
    bringInEverywhere(tokens, items, { what: 'The security domain' });

async function marksOf<Name extends string>(party: CeremonyParty<Name>, ...names: Name[]): Promise<unknown[]> {
  const sights = [];
  for (const name of names) sights.push(await party.sightOf(name));
  return sights.map(({ marks }) => marks);
}

test('a domain comes out of one token, where all that are there have the same pool keys, or none', async (t) => {
  const party = await tokensFor(t, { a: 'keys', b: 'none', stranger: 'keys' });
  const before = await party.withTokens(['b', 'a'], takeOutOfPool, ['stranger']);
  t.deepEqual(
    before.unseen.map(({ name }) => name),
    ['stranger'],
    'of one that is away it is not known',
  );
  t.deepEqual(await party.withTokens(['b'], bringIn(before.items)), ['b']);
  t.deepEqual(await marksOf(party, 'b'), await marksOf(party, 'a'));
  t.deepEqual((await party.withTokens(['a', 'b'], takeOutOfPool)).unseen, []);
  await refused(
    t,
    party.withTokens(['a', 'b', 'stranger'], takeOutOfPool),
    'PoolKeysDiffer',
    /^The tokens a and stranger have different pool keys \(kek, seal, audit, attestation\)/,
  );
  await refused(
    t,
    party.withTokens([], takeOutOfPool, ['a', 'b']),
    'TokenAway',
    /away: a, b\. .*no token with the label/,
  );
});

test('pool keys come into every token, or into none when one of them has others', async (t) => {
  const party = await tokensFor(t, { from: 'keys', a: 'none', b: 'none', stranger: 'keys' });
  const items = await party.domainOf('from');
  const strangers = await party.sightOf('stranger');
  await refused(
    t,
    party.withTokens(['a', 'b', 'stranger'], bringIn(items)),
    'PoolKeysDiffer',
    /^The token stranger has other pool keys and belongs to another pool \(kek, seal, audit, attestation\)/,
  );
  for (const name of ['a', 'b'] as const) t.is(party.objectsIn(name), 0, `nothing is left in ${name}`);
  t.deepEqual(await party.sightOf('stranger'), strangers);
  t.deepEqual(await party.withTokens(['a', 'b'], bringIn(items)), ['a', 'b']);
  const [from, ...others] = await marksOf(party, 'from', 'a', 'b');
  for (const marks of others) t.deepEqual(marks, from);
  for (const name of ['a', 'b'] as const) t.like(await party.sightOf(name), { isWhole: true, isExtractable: false });
  t.deepEqual(await party.withTokens(['from', 'a', 'b'], bringIn(items)), [], 'all of them have them');
  t.true((await party.sightOf('from')).isExtractable, 'and are as they were');
});

test('what was interrupted between two tokens, or in the middle of one, the next attempt finishes', async (t) => {
  const party = await tokensFor(t, { from: 'keys', a: 'none', b: 'none' });
  const items = await party.domainOf('from');
  await party.withTokens(['a'], bringIn(items));
  t.deepEqual(await party.withTokens(['a', 'b'], bringIn(items)), ['b']);
  party.destroyHalves('a', ['kek', 'attestation']);
  party.destroyHalves('b', ['seal']);
  t.false((await party.sightOf('a')).isWhole);
  t.deepEqual(await party.withTokens(['a', 'b'], bringIn(items)), ['a', 'b']);
  const [from, ...others] = await marksOf(party, 'from', 'a', 'b');
  for (const marks of others) t.deepEqual(marks, from);
  for (const name of ['a', 'b'] as const) t.is(party.objectsIn(name), POOL_KEY_OBJECTS);
});

test('some of the pool keys of another pool are other pool keys too', async (t) => {
  const party = await tokensFor(t, { from: 'keys', half: 'keys' });
  const items = await party.domainOf('from');
  party.destroyHalves('half', ['kek', 'audit', 'attestation']);
  await refused(t, party.withTokens(['half'], bringIn(items)), 'PoolKeysDiffer', /\(seal\)/);
  t.is(party.objectsIn('half'), 1);
});

test('keys that are not those of the pool are refused before anything is in a token', async (t) => {
  const party = await tokensFor(t, { a: 'keys', other: 'keys', joining: 'none' });
  const items = await party.domainOf('other');
  const { marks } = await party.sightOf('a');
  const what = 'The security domain';
  const wrong = party.withTokens(['joining'], ({ tokens }) => bringInEverywhere(tokens, items, { what, marks }));
  await refused(t, wrong, 'SecurityDomainWrong', /^The security domain has other pool keys than the pool \(kek, seal,/);
  const sealed = { input: INPUT, seal: Buffer.alloc(32, 7) };
  const unsealed = party.withTokens(['joining'], ({ tokens }) => bringInEverywhere(tokens, items, { what, sealed }));
  await refused(t, unsealed, 'SecurityDomainWrong', /than those under whose seals the store is/);
  t.is(party.objectsIn('joining'), 0);
});

test('damaged keys are refused, and nothing of them is in a token', async (t) => {
  const party = await tokensFor(t, { from: 'keys', a: 'none' });
  const [item] = await party.domainOf('from');
  const written = JSON.parse(Buffer.from(item?.content ?? []).toString('utf8'));
  written.keys.wrapped.audit = written.keys.wrapped.attestation;
  const damaged = [{ tag: item?.tag ?? '', content: Buffer.from(JSON.stringify(written)) }];
  await refused(t, party.withTokens(['a'], bringIn(damaged)), 'ProvisioningFailed', /^Token a: .*strongroom-audit/);
  t.is(party.objectsIn('a'), 0);
  await refused(t, party.withTokens(['a'], bringIn([])), 'SecurityDomainWrong', /no pool keys/);
});

test('other pool keys wait in every token, and take their places in all where the store has taken them', async (t) => {
  const party = await tokensFor(t, { from: 'keys', a: 'keys', b: 'none' });
  await party.withTokens(['b'], bringIn(await party.domainOf('a')));
  const items = await party.domainOf('from');
  const before = await marksOf(party, 'a', 'b');
  const stage = async (atHand: TokensAtHand): Promise<Uint8Array[]> => {
    requireAllAtHand(atHand);
    return stageEverywhere(atHand.tokens, items, [INPUT]);
  };
  await refused(t, party.withTokens(['a'], stage, ['b']), 'TokenAway', /Every token of the pool .* away: b/);
  t.is(party.objectsIn('a'), POOL_KEY_OBJECTS, 'nothing was begun');

  const [seal] = await party.withTokens(['a', 'b'], stage);
  t.deepEqual(await marksOf(party, 'a', 'b'), before, 'nothing is decided');
  t.deepEqual(await party.withTokens(['a', 'b'], (atHand) => settleEverywhere(atHand, undefined)), []);
  t.deepEqual(await marksOf(party, 'a', 'b'), before, 'the store has not taken them');
  for (const name of ['a', 'b'] as const) t.is(party.objectsIn(name), POOL_KEY_OBJECTS);

  await party.withTokens(['a', 'b'], stage);
  const proof = { input: INPUT, seal: seal as Uint8Array };
  await party.withTokens(['a'], ({ tokens: [a] }) => settleIncomingPoolKeys(a as NonNullable<typeof a>, proof));
  t.notDeepEqual((await marksOf(party, 'a'))[0], before[0]);
  t.deepEqual((await marksOf(party, 'b'))[0], before[1], 'ended in between');
  const waiting = await party.withTokens(['a'], (atHand) => settleEverywhere(atHand, proof), ['b']);
  t.deepEqual(
    waiting.map(({ name }) => name),
    ['b'],
    'one that is away has to wait',
  );
  t.deepEqual(await party.withTokens(['a', 'b'], (atHand) => settleEverywhere(atHand, proof)), []);
  const [from, ...others] = await marksOf(party, 'from', 'a', 'b');
  for (const marks of others) t.deepEqual(marks, from);
  for (const name of ['a', 'b'] as const) t.is(party.objectsIn(name), POOL_KEY_OBJECTS);
});

test('locking tells which tokens are not locked, and goes on with those when it is done again', async (t) => {
  const party = await tokensFor(t, { a: 'keys', b: 'keys', bare: 'none' });
  const failed = await party.withTokens(['a', 'bare'], lockEverywhere, ['b']);
  t.deepEqual(
    failed.map(({ name }) => name),
    ['b'],
  );
  t.like(await party.sightOf('a'), { isWhole: true, isExtractable: false });
  t.true((await party.sightOf('b')).isExtractable);
  t.deepEqual(await party.withTokens(['a', 'bare', 'b'], lockEverywhere), []);
  t.false((await party.sightOf('b')).isExtractable);
  await refused(
    t,
    party.withTokens(['a'], takeOutOfPool),
    'ProvisioningFailed',
    /^Token a: .* was locked in the token/,
  );
});
