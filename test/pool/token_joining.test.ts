import test, { type ExecutionContext } from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { bringInEverywhere, lockEverywhere } from '../../src/pool/pool_ceremony.ts';
import type { SealProof } from '../../src/pool/pool_key_ceremony.ts';
import { joinPool } from '../../src/pool/token_joining.ts';
import type { DomainItem } from '../../src/security_domain/domain_cipher.ts';
import { type CeremonyParty, tokensFor } from './ceremony_tokens.ts';

const INPUT = Buffer.from('what the store holds');

async function refused(t: ExecutionContext, attempt: Promise<unknown>, innerCode: string, says: RegExp): Promise<void> {
  const error = await t.throwsAsync(attempt, { instanceOf: StrongroomError });
  t.is(error.innerCode, innerCode, error.message);
  t.regex(error.message, says);
}

/** The first of these joins the others. */
function join<Name extends string>(
  party: CeremonyParty<Name>,
  [joining, ...others]: readonly [Name, ...Name[]],
  options: { readonly items?: readonly DomainItem[]; readonly sealed?: SealProof } = {},
): Promise<boolean> {
  const { items, sealed } = options;
  return party.withTokens([joining, ...others], ({ tokens: [token, ...rest], away }) =>
    joinPool(token as NonNullable<typeof token>, { tokens: rest, away }, { items, sealed }),
  );
}

async function openPool<Name extends string>(t: ExecutionContext, party: CeremonyParty<Name>, ...names: Name[]) {
  const pool = await HsmPool.open({ tokens: party.options(...names), stateDirectory: party.stateDirectory });
  t.teardown(() => pool.close({ drainMs: 0 }));
  return pool;
}

test('a token gets the pool keys of one that gives them, beside a pool in use, and is taken in', async (t) => {
  const party = await tokensFor(t, { a: 'keys', joining: 'none' });
  const pool = await openPool(t, party, 'a', 'joining');
  t.is(pool.status().tokens[1]?.state, 'failed');
  t.true(await join(party, ['joining', 'a']));
  pool.resume();
  while (pool.status().state !== 'ready') await new Promise((resolve) => setTimeout(resolve, 10));
  t.is(pool.hosts.length, 2);
  t.false(await join(party, ['joining', 'a']), 'a second time there is nothing to do');
  t.deepEqual((await party.sightOf('joining')).marks, (await party.sightOf('a')).marks);
});

test('after the lock no token gives its keys, and only a quorum brings them', async (t) => {
  const party = await tokensFor(t, { a: 'keys', joining: 'none' });
  const items = await party.domainOf('a');
  await party.withTokens(['a'], lockEverywhere);
  await refused(
    t,
    join(party, ['joining', 'a']),
    'PoolKeysLocked',
    /are locked in the other tokens.*quorum of custodians/,
  );
  t.is(party.objectsIn('joining'), 0);
  t.true(await join(party, ['joining', 'a'], { items }));
  t.false(await join(party, ['joining', 'a'], { items }));
  t.false(await join(party, ['joining', 'a']), 'it has them, whoever would give them');
  t.is((await openPool(t, party, 'a', 'joining')).status().state, 'ready');
});

test('a domain of other pool keys, and a token that has others, are refused with the reason', async (t) => {
  const party = await tokensFor(t, { a: 'keys', former: 'keys', joining: 'none' });
  const old = await party.domainOf('former');
  await refused(
    t,
    join(party, ['joining', 'a'], { items: old }),
    'SecurityDomainWrong',
    /^The security domain has other pool keys than the pool \(kek, seal, audit, attestation\)/,
  );
  t.is(party.objectsIn('joining'), 0);
  const items = await party.domainOf('a');
  for (const attempt of [join(party, ['former', 'a']), join(party, ['former', 'a'], { items })]) {
    await refused(t, attempt, 'PoolKeysDiffer', /^The token former has other pool keys and belongs to another pool/);
  }
  await refused(
    t,
    join(party, ['joining', 'a', 'former']),
    'PoolKeysDiffer',
    /^The tokens a and former have different/,
  );
  t.is(party.objectsIn('joining'), 0);
});

test('where no other token is there, the store shows whose keys they are, or nothing does', async (t) => {
  const party = await tokensFor(t, { lost: 'keys', other: 'keys', joining: 'none' });
  const pool = await openPool(t, party, 'lost');
  const sealed = { input: INPUT, seal: await pool.seal(INPUT) };
  const items = await party.domainOf('lost');
  await refused(t, join(party, ['joining'], { items }), 'PoolKeysMissing', /Neither a token of the pool nor its store/);
  await refused(t, join(party, ['joining'], { sealed }), 'PoolKeysLocked', /No other token of the pool/);
  const wrong = join(party, ['joining'], { items: await party.domainOf('other'), sealed });
  await refused(t, wrong, 'SecurityDomainWrong', /under whose seals the store is/);
  t.is(party.objectsIn('joining'), 0);
  t.true(await join(party, ['joining'], { items, sealed }));
});

test('keys come from no token whose keys are not those of the store', async (t) => {
  const party = await tokensFor(t, { lost: 'keys', stranger: 'keys', joining: 'none' });
  const pool = await openPool(t, party, 'lost');
  const sealed = { input: INPUT, seal: await pool.seal(INPUT) };
  const attempt = join(party, ['joining', 'stranger'], { sealed });
  await refused(t, attempt, 'SecurityDomainWrong', /^The token stranger has other pool keys than those under/);
  t.is(party.objectsIn('joining'), 0);
});

test('a token that was left in the middle of joining joins with the next attempt', async (t) => {
  const party = await tokensFor(t, { a: 'keys', joining: 'none' });
  const items = await party.domainOf('a');
  await party.withTokens(['joining'], ({ tokens }) => bringInEverywhere(tokens, items, { what: 'The pool' }));
  party.destroyHalves('joining', ['kek', 'audit']);
  t.true(await join(party, ['joining', 'a']));
  t.deepEqual((await party.sightOf('joining')).marks, (await party.sightOf('a')).marks);
});
