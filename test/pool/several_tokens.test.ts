import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { SELF_TEST_VECTORS } from '../../src/pool/self_test_vectors.ts';
import { bareToken, poolToken } from './pool_token.ts';
import { KeyTask, SessionKey } from './session_key.ts';
import { NAMES, openFamily, optionsOf, stateOf, type TokenFamily, tokenFamily, until } from './several_tokens.ts';

let family: TokenFamily;
test.before(async () => {
  family = await tokenFamily(3);
});
test.after.always(() => family.remove());

const { key: ecKey } = SELF_TEST_VECTORS.ES256;
const ROW = Buffer.from('row');

test.serial('three tokens that have the same pool keys are one pool', async (t) => {
  const pool = await openFamily(t, family);
  t.like(pool.status(), { state: 'ready', reason: undefined });
  t.deepEqual(
    pool.status().tokens.map(({ name, state, hosts }) => ({ name, state, hosts })),
    NAMES.map((name) => ({ name, state: 'healthy', hosts: 1 })),
  );
  t.is(new Set(pool.tokens.map(({ serial }) => serial)).size, 3);
  t.is(new Set(pool.hosts.map(({ id }) => id)).size, 3, 'no two hosts have one name');
  const seal = await pool.seal(ROW);
  for (const token of pool.tokens) {
    const [host] = token.group.hosts;
    if (host === undefined) return t.fail('no host');
    const request = ringRequest(RING_OPERATION.sign, {
      mechanism: MECHANISM.CKM_SHA256_HMAC,
      object: host.poolKeys.seal,
      input: ROW,
      capacity: 32,
    });
    t.deepEqual(Buffer.from((await pool.call(request, { host })).answer), Buffer.from(seal), token.name);
  }
});

test.serial('work is shared out among the hosts of all tokens', async (t) => {
  const pool = await openFamily(t, family);
  const key = new SessionKey(pool, ecKey);
  if (ecKey.keyType !== 'EC-HSM') return t.fail('not an EC key');
  const [x, y] = [ecKey.x, ecKey.y].map((bytes) => Buffer.from(bytes).toString('base64url'));
  const publicKey = createPublicKey({
    key: { kty: 'EC', crv: 'P-256', x: x as string, y: y as string },
    format: 'jwk',
  });
  const messages = Array.from({ length: 300 }, () => randomBytes(40));
  const tasks = messages.map((message) => {
    const input = createHash('sha256').update(message).digest();
    const request = ringRequest(RING_OPERATION.sign, { mechanism: MECHANISM.CKM_ECDSA, input, capacity: 64 });
    return new KeyTask(key, request, 60_000);
  });
  for (const task of tasks) pool.run(task);
  const signatures = await Promise.all(tasks.map(({ answer }) => answer));
  t.true(
    signatures.every((signature, at) =>
      verify('sha256', messages[at] as Buffer, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature),
    ),
  );
  t.true(
    pool.hosts.every((host) => key.isIn(host)),
    'no token was idle',
  );
});

test.serial('a token with other pool keys is refused, and the pool goes on with the others', async (t) => {
  const stranger = await poolToken();
  t.teardown(stranger.remove);
  const tokens = [optionsOf(stranger, 'stranger'), ...family.options];
  const pool = await HsmPool.open({ tokens, stateDirectory: family.stateDirectory });
  t.teardown(() => pool.close());
  const [report] = pool.status().tokens;
  t.like(report, { name: 'stranger', state: 'failed', hosts: 0 });
  t.regex(
    report?.reason ?? '',
    /^The token stranger has other pool keys than the pool \(kek, seal, audit, attestation\)/,
  );
  t.is(pool.status().state, 'degraded');
  t.is(pool.hosts.length, 3);
  t.is((await pool.seal(ROW)).length, 32);
});

test.serial('what the pool has sealed tells whose keys are the pool’s, however many have others', async (t) => {
  const stranger = await poolToken();
  t.teardown(stranger.remove);
  const alone = await HsmPool.open({ ...stranger.options, hosts: 1 });
  const proof = { input: ROW, seal: await alone.seal(ROW) };
  await alone.close();
  const wide = { tokens: [...family.options, optionsOf(stranger, 'stranger')], stateDirectory: family.stateDirectory };
  const pool = await HsmPool.open({ ...wide, sealed: async () => proof });
  t.teardown(() => pool.close());
  t.deepEqual(
    pool.status().tokens.map(({ state }) => state),
    ['failed', 'failed', 'failed', 'healthy'],
  );
  t.deepEqual(await pool.seal(ROW), proof.seal);
  const damaged = { ...proof, seal: Buffer.alloc(32) };
  const voted = await HsmPool.open({ ...wide, sealed: async () => damaged });
  t.teardown(() => voted.close());
  t.is(stateOf(voted, 'stranger'), 'failed', 'where it is nobody’s, the most decide');
});

test.serial('a token with other pool keys gives them to nobody', async (t) => {
  const stranger = await poolToken();
  t.teardown(stranger.remove);
  const bare = await bareToken();
  t.teardown(bare.remove);
  const tokens = [optionsOf(stranger, 'stranger'), ...family.options.slice(1), optionsOf(bare, 'bare')];
  const pool = await HsmPool.open({ tokens, stateDirectory: family.stateDirectory, poolKeys: 'create' });
  t.teardown(() => pool.close());
  t.is(stateOf(pool, 'stranger'), 'failed');
  t.is(stateOf(pool, 'bare'), 'failed', 'those that could are locked');
  t.regex(pool.status().tokens.at(-1)?.reason ?? '', /locked/);
});

test.serial('two tokens of one name are refused', async (t) => {
  const [first] = family.options;
  if (first === undefined) return t.fail('no token');
  const tokens = [first, first];
  await t.throwsAsync(HsmPool.open({ tokens, stateDirectory: family.stateDirectory }), { code: 'BadParameter' });
  await t.throwsAsync(HsmPool.open({ tokens: [], stateDirectory: family.stateDirectory }), { instanceOf: TypeError });
});

test.serial('a token that is away at the start is taken in when it comes', async (t) => {
  const directory = join(family.tokens[1]?.directory as string, 'tokens');
  await rename(directory, `${directory}.away`);
  const pool = await openFamily(t, family);
  t.is(stateOf(pool, 'b'), 'suspended');
  t.is(pool.status().state, 'degraded');
  t.is((await pool.seal(ROW)).length, 32);
  await rename(`${directory}.away`, directory);
  await until(() => stateOf(pool, 'b') === 'healthy');
  t.is(pool.status().state, 'ready');
});

test.serial('new pool keys are made only where every token is there and none has any', async (t) => {
  const [first] = family.tokens;
  if (first === undefined) return t.fail('no token');
  const directory = join(first.directory, 'tokens');
  await rename(directory, `${directory}.away`);
  t.teardown(() => rename(`${directory}.away`, directory));
  const bare = await bareToken();
  t.teardown(bare.remove);
  const tokens = [...family.options.slice(0, 1), optionsOf(bare, 'bare')];
  const opening = HsmPool.open({ tokens, stateDirectory: family.stateDirectory, poolKeys: 'create' });
  await t.throwsAsync(opening, { code: 'ServiceUnavailable' });
  const alone = HsmPool.open({ ...bare.options, poolKeys: 'require' });
  const error = await t.throwsAsync(alone, { instanceOf: StrongroomError });
  t.is(error?.innerCode, 'PoolKeysMissing', 'the one that was there got none of its own');
});

test.serial('when no token opens, the first says why', async (t) => {
  const tokens = family.options.map((options) => ({ ...options, token: { label: 'no such label' } }));
  const error = await t.throwsAsync(HsmPool.open({ tokens, stateDirectory: family.stateDirectory }), {
    instanceOf: StrongroomError,
  });
  t.is(error?.innerCode, 'TokenNotFound');
});
