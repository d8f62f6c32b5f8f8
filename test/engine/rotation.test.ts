import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { KeyEngineOptions } from '../../src/engine/engine_options.ts';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { CreateKeyRequest, SetRotationPolicyRequest } from '../../src/engine/requests.ts';
import type { KeySpec } from '../../src/model/key.ts';
import type { LifetimeAction } from '../../src/model/rotation_policy.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import type { Store } from '../../src/store/store.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { storeWith } from '../fixtures/store_with.ts';

let token: TestToken;
let opened: TestEngine;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine();
});

test.after.always(() => token.close());

const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const DAY = 86_400;
const START = Date.UTC(2030, 0, 1) / 1000;

const rotateAfter = (timeAfterCreate: string): LifetimeAction => ({
  action: 'Rotate',
  timeAfterCreate,
  timeBeforeExpiry: undefined,
});
const rotateBefore = (timeBeforeExpiry: string): LifetimeAction => ({
  action: 'Rotate',
  timeAfterCreate: undefined,
  timeBeforeExpiry,
});

interface Clocked {
  readonly engine: KeyEngine;
  /** Sets the clock to so many days after its start. */
  day(days: number): void;
}

let stores = 0;

/** A store of the test's own: what is due in it is the test's alone. */
async function ownStore(t: ExecutionContext): Promise<Store> {
  stores += 1;
  const store = await SqliteStore.open(join(token.directory, `own-${stores}.db`));
  t.teardown(() => store.close());
  return store;
}

/** An engine over a store of its own, at a clock that the test moves. */
async function clocked(t: ExecutionContext, options: Partial<KeyEngineOptions> = {}): Promise<Clocked> {
  let now = START;
  const store = await ownStore(t);
  const engine = await KeyEngine.open({ ...options, pool: opened.pool, store, clock: () => now * 1000 });
  return {
    engine,
    day: (days) => {
      now = START + days * DAY;
    },
  };
}

async function keyWithPolicy(
  engine: KeyEngine,
  request: CreateKeyRequest,
  policy: Omit<SetRotationPolicyRequest, 'name'>,
): Promise<string> {
  const { version } = await engine.createKey(request);
  await engine.setRotationPolicy({ name: request.name, ...policy });
  return version;
}

test('a policy is what was set, with its times, until it is taken away', async (t) => {
  const { engine, day } = await clocked(t);
  const name = 'policy';
  await engine.createKey({ name, spec: OCT });
  t.is(await engine.getRotationPolicy(name), undefined);
  const rules = { lifetimeActions: [rotateAfter('P30D')], expiryTime: 'P90D' };
  const first = { ...rules, created: START, updated: START };
  t.deepEqual(await engine.setRotationPolicy({ name, ...rules }), first);
  t.deepEqual(await engine.getRotationPolicy(name), first);
  day(1);
  const other = { lifetimeActions: [], expiryTime: 'P1Y' };
  const second = { ...other, created: START, updated: START + DAY };
  t.deepEqual(await engine.setRotationPolicy({ name, ...other }), second);
  t.is(await engine.setRotationPolicy({ name, lifetimeActions: [], expiryTime: undefined }), undefined);
  t.is(await engine.getRotationPolicy(name), undefined);
  await refused(t, engine.setRotationPolicy({ name, lifetimeActions: [], expiryTime: 'P1D' }), 'BadParameter');
  await refused(t, engine.setRotationPolicy({ name: 'none', ...rules }), 'KeyNotFound');
  await refused(t, engine.getRotationPolicy('none'), 'KeyNotFound');
});

test('a rotated key has a new version like the newest, valid for as long as the policy says', async (t) => {
  const { engine, day } = await clocked(t);
  const request: CreateKeyRequest = {
    name: 'like',
    spec: P256,
    operations: ['verify', 'sign'],
    tags: { a: 'b' },
    notBefore: 1,
    expires: START + DAY,
  };
  const before = await engine.createKey(request);
  await engine.setRotationPolicy({ name: 'like', lifetimeActions: [], expiryTime: 'P2M' });
  await engine.updateKey({ key: { name: 'like' }, tags: { c: 'd' } });
  day(30);
  const after = await engine.rotateKey('like');
  t.not(after.version, before.version);
  t.notDeepEqual(after.publicKey, before.publicKey);
  t.like(after, {
    name: 'like',
    spec: P256,
    operations: ['verify', 'sign'],
    tags: { c: 'd' },
    enabled: true,
    notBefore: undefined,
    created: START + 30 * DAY,
    expires: Date.UTC(2030, 2, 31) / 1000,
  });
  t.deepEqual(await engine.getKey({ name: 'like' }), after);
  t.is((await engine.getKey(before)).version, before.version);
  t.is((await engine.listKeyVersions('like', { limit: 10 })).items.length, 2);
});

test('a key is not rotated without a policy, while it is disabled, or when it is one for importing others', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'none', spec: OCT });
  await refused(t, engine.rotateKey('none'), 'BadParameter', 'KeyRotationPolicyNotSet');
  const policy = { lifetimeActions: [], expiryTime: 'P90D' };
  await keyWithPolicy(engine, { name: 'disabled', spec: OCT, enabled: false }, policy);
  await refused(t, engine.rotateKey('disabled'), 'Forbidden', 'KeyDisabled');
  const spec: KeySpec = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 };
  await keyWithPolicy(engine, { name: 'exchange', spec, operations: ['import'] }, policy);
  await refused(t, engine.rotateKey('exchange'), 'Forbidden', 'KeyOperationForbidden');
  const rotating = { name: 'exchange', lifetimeActions: [rotateAfter('P30D')], expiryTime: undefined };
  await refused(t, engine.setRotationPolicy(rotating), 'Forbidden', 'KeyOperationForbidden');
  await refused(t, engine.rotateKey('unknown'), 'KeyNotFound');
  for (const name of ['none', 'disabled', 'exchange']) {
    t.is((await engine.listKeyVersions(name, { limit: 10 })).items.length, 1);
  }
});

test('rotations count as versions', async (t) => {
  const { engine } = await clocked(t, { limits: { versionsPerKey: 2 } });
  await keyWithPolicy(engine, { name: 'full', spec: OCT }, { lifetimeActions: [], expiryTime: 'P90D' });
  await engine.rotateKey('full');
  await refused(t, engine.rotateKey('full'), 'BadParameter', 'KeyVersionLimitReached');
});

test('the house rotates what is due, when it is due, and no sooner', async (t) => {
  const { engine, day } = await clocked(t);
  const byAge = await keyWithPolicy(
    engine,
    { name: 'age', spec: OCT },
    { lifetimeActions: [rotateAfter('P30D')], expiryTime: 'P90D' },
  );
  await keyWithPolicy(
    engine,
    { name: 'expiry', spec: OCT, expires: START + 40 * DAY },
    { lifetimeActions: [rotateBefore('P5D')], expiryTime: 'P60D' },
  );
  day(29);
  t.deepEqual(await engine.keepHouse(), { rotated: [], purged: [], failed: [] });
  day(30);
  t.deepEqual(await engine.keepHouse(), { rotated: ['age'], purged: [], failed: [] });
  t.deepEqual((await engine.keepHouse()).rotated, []);
  t.like(await engine.getKey({ name: 'age' }), { created: START + 30 * DAY, expires: START + 120 * DAY });
  t.not((await engine.getKey({ name: 'age' })).version, byAge);
  day(35);
  t.deepEqual((await engine.keepHouse()).rotated, ['expiry']);
  t.like(await engine.getKey({ name: 'expiry' }), { expires: START + 95 * DAY });
  day(60);
  t.deepEqual((await engine.keepHouse()).rotated, ['age']);
  day(90);
  t.deepEqual((await engine.keepHouse()).rotated.toSorted(), ['age', 'expiry']);
});

test('disabling, deleting or updating the newest version moves what is due', async (t) => {
  const { engine, day } = await clocked(t);
  const policy = { lifetimeActions: [rotateAfter('P30D')], expiryTime: undefined };
  for (const name of ['off', 'gone', 'moved', 'newer']) {
    await keyWithPolicy(engine, { name, spec: OCT, expires: START + 300 * DAY }, policy);
  }
  await engine.updateKey({ key: { name: 'off' }, enabled: false });
  await engine.deleteKey('gone');
  await engine.setRotationPolicy({ name: 'moved', lifetimeActions: [rotateBefore('P30D')], expiryTime: 'P60D' });
  day(20);
  await engine.createKey({ name: 'newer', spec: OCT });
  day(30);
  t.deepEqual((await engine.keepHouse()).rotated, []);
  await engine.updateKey({ key: { name: 'off' }, enabled: true });
  await engine.recoverKey('gone');
  await engine.updateKey({ key: { name: 'moved' }, expires: START + 60 * DAY });
  t.deepEqual((await engine.keepHouse()).rotated.toSorted(), ['gone', 'moved', 'off']);
  day(50);
  t.deepEqual((await engine.keepHouse()).rotated, ['newer']);
});

test('the house purges deleted keys at their date', async (t) => {
  const recovery = { retentionDays: 7, purgeProtection: true };
  const { engine, day } = await clocked(t, { recovery });
  for (const name of ['old', 'young', 'saved']) await engine.createKey({ name, spec: OCT });
  await engine.deleteKey('old');
  await engine.deleteKey('saved');
  day(3);
  await engine.deleteKey('young');
  await engine.recoverKey('saved');
  day(6.9);
  t.deepEqual((await engine.keepHouse()).purged, []);
  day(7);
  t.deepEqual(await engine.keepHouse(), { rotated: [], purged: ['old'], failed: [] });
  await refused(t, engine.getDeletedKey('old'), 'KeyNotFound');
  t.is((await engine.getDeletedKey('young')).name, 'young');
  t.is((await engine.getKey({ name: 'saved' })).name, 'saved');
});

test('a key that fails does not stop the others, and is tried again after pauses that grow', async (t) => {
  let now = START;
  let broken = true;
  const { pool } = opened;
  const store = await ownStore(t);
  let attempts = 0;
  const sick = storeWith(store, {
    changeKey: async (change, limits) => {
      if (change.name === 'a-broken' && broken) {
        attempts += 1;
        throw new Error('the disk is full');
      }
      await store.changeKey(change, limits);
    },
  });
  const well = await KeyEngine.open({ pool, store, clock: () => now * 1000 });
  const engine = await KeyEngine.open({ pool, store: sick, clock: () => now * 1000 });
  for (const name of ['a-broken', 'b-fine']) {
    await keyWithPolicy(well, { name, spec: OCT }, { lifetimeActions: [rotateAfter('P30D')], expiryTime: undefined });
  }
  now += 30 * DAY;
  const first = await engine.keepHouse();
  t.deepEqual(first.rotated, ['b-fine']);
  t.is(first.failed[0]?.name, 'a-broken');
  for (const [seconds, attempted] of [
    [59, 1],
    [1, 2],
    [119, 2],
    [1, 3],
    [239, 3],
    [1, 4],
  ] as const) {
    now += seconds;
    await engine.keepHouse();
    t.is(attempts, attempted);
  }
  broken = false;
  now += 480;
  t.deepEqual((await engine.keepHouse()).rotated, ['a-broken']);
});

test('many servers that keep house at once rotate a key once', async (t) => {
  const now = START + 31 * DAY;
  const { pool } = opened;
  const store = await ownStore(t);
  const young = await KeyEngine.open({ pool, store, clock: () => START * 1000 });
  const names = ['shared-a', 'shared-b', 'shared-c'];
  for (const name of names) {
    await keyWithPolicy(young, { name, spec: OCT }, { lifetimeActions: [rotateAfter('P30D')], expiryTime: undefined });
  }
  await young.createKey({ name: 'shared-d', spec: OCT });
  await young.deleteKey('shared-d');
  const servers = await Promise.all(
    Array.from({ length: 4 }, () => KeyEngine.open({ pool, store, clock: () => (now + 90 * DAY) * 1000 })),
  );
  const rounds = await Promise.all(servers.map((server) => server.keepHouse()));
  t.deepEqual(rounds.flatMap(({ rotated }) => rotated).toSorted(), names);
  t.deepEqual(
    rounds.flatMap(({ purged }) => purged),
    ['shared-d'],
  );
  t.deepEqual(
    rounds.flatMap(({ failed }) => failed),
    [],
  );
  for (const name of names) t.is((await store.findKeyVersion(name, undefined))?.key.record.versions, 2);
});

test('a round that is told to stop ends after the key that it is at', async (t) => {
  const { engine, day } = await clocked(t);
  for (const name of ['a', 'b']) {
    await keyWithPolicy(engine, { name, spec: OCT }, { lifetimeActions: [rotateAfter('P30D')], expiryTime: undefined });
  }
  day(30);
  t.deepEqual((await engine.keepHouse(AbortSignal.abort())).rotated, []);
  t.is((await engine.keepHouse()).rotated.length, 2);
});

test('rotations at the same time are versions, and one of them is the newest', async (t) => {
  const { engine } = opened;
  await keyWithPolicy(engine, { name: 'rush', spec: OCT }, { lifetimeActions: [], expiryTime: 'P90D' });
  const rotated = await Promise.all(Array.from({ length: 6 }, () => engine.rotateKey('rush')));
  t.is(new Set(rotated.map(({ version }) => version)).size, 6);
  const { version } = await engine.getKey({ name: 'rush' });
  t.true(rotated.some((each) => each.version === version));
  await t.notThrowsAsync(engine.encrypt({ key: { name: 'rush' }, algorithm: 'A256GCM', plaintext: randomBytes(5) }));
});
