import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { KeyVersion } from '../../src/engine/requests.ts';
import { CURVES, type KeySpec, OCT_SIZES } from '../../src/model/key.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';

let token: TestToken;
let opened: TestEngine;
let stores = 0;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine();
});

test.after.always(() => token.close());

const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const SPECS: readonly KeySpec[] = [
  { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 },
  ...CURVES.map((curve) => ({ keyType: 'EC-HSM', curve }) as const),
  ...OCT_SIZES.map((size) => ({ keyType: 'oct-HSM', size }) as const),
];
const DIGEST = randomBytes(32);

/** Another server of the same pool, whose store is empty. */
async function emptyEngine(t: ExecutionContext, limits: { versionsPerKey?: number } = {}): Promise<KeyEngine> {
  stores += 1;
  const store = await SqliteStore.open(join(token.directory, `restored-${stores}.db`));
  t.teardown(() => store.close());
  return KeyEngine.open({ pool: opened.pool, store, limits });
}

async function versionsOf(engine: KeyEngine, name: string): Promise<readonly KeyVersion[]> {
  return (await engine.listKeyVersions(name, { limit: 100 })).items;
}

test('a restored key has all that it had: versions, attributes, tags, policies, and its value', async (t) => {
  const { engine } = opened;
  const name = 'whole';
  const key = { name };
  for (const spec of SPECS) await engine.createKey({ name, spec, tags: { type: spec.keyType, bytes: 'AAAA' } });
  const releasePolicy = {
    contentType: 'application/json; charset=utf-8',
    data: new Uint8Array(
      Buffer.from('{"version":"1.0.0","anyOf":[{"authority":"https://a.example","allOf":[{"claim":"a","equals":1}]}]}'),
    ),
    immutable: true,
  };
  const newest = await engine.createKey({ name, spec: P256, releasePolicy, notBefore: 1, expires: 4_000_000_000 });
  const policy = await engine.setRotationPolicy({
    name,
    lifetimeActions: [{ action: 'Rotate', timeAfterCreate: 'P30D', timeBeforeExpiry: undefined }],
    expiryTime: 'P90D',
  });
  const before = await versionsOf(engine, name);
  const { signature } = await engine.sign({ key, algorithm: 'ES256', digest: DIGEST });
  const secret = before.find(({ spec }) => spec.keyType === 'oct-HSM' && spec.size === 256) as KeyVersion;
  const { ciphertext, iv } = await engine.encrypt({ key: secret, algorithm: 'A256CBC', plaintext: DIGEST });

  const backup = await engine.backupKey(name);
  const other = await emptyEngine(t);
  t.deepEqual(await other.restoreKey(backup), newest);
  t.deepEqual(await versionsOf(other, name), before);
  t.deepEqual(await other.getRotationPolicy(name), policy);
  t.true((await other.verify({ key, algorithm: 'ES256', digest: DIGEST, signature })).valid);
  const { plaintext } = await other.decrypt({ key: secret, algorithm: 'A256CBC', ciphertext, iv });
  t.deepEqual(Buffer.from(plaintext), DIGEST);
  for (const version of before) {
    if (version.spec.keyType !== 'EC-HSM' || version.spec.curve !== 'P-256') continue;
    await t.notThrowsAsync(other.sign({ key: version, algorithm: 'ES256', digest: DIGEST }));
  }
  t.true((await other.rotateKey(name)).created >= newest.created);
});

test('a restored key is rotated when its policy has it', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'due', spec: OCT });
  const lifetimeActions = [{ action: 'Rotate', timeAfterCreate: 'P30D', timeBeforeExpiry: undefined } as const];
  await engine.setRotationPolicy({ name: 'due', lifetimeActions, expiryTime: undefined });
  const store = await SqliteStore.open(join(token.directory, 'due.db'));
  t.teardown(() => store.close());
  const clock = (): number => Date.now() + 31 * 86_400_000;
  const other = await KeyEngine.open({ pool: opened.pool, store, clock });
  await other.restoreKey(await engine.backupKey('due'));
  t.deepEqual((await other.keepHouse()).rotated, ['due']);
});

test('a name that there is, deleted or not, is not restored over', async (t) => {
  const { engine } = opened;
  const made = await engine.createKey({ name: 'there', spec: OCT });
  const backup = await engine.backupKey('there');
  await refused(t, engine.restoreKey(backup), 'Conflict');
  await engine.deleteKey('there');
  await refused(t, engine.restoreKey(backup), 'Conflict', 'ObjectIsDeletedButRecoverable');
  await engine.purgeKey('there');
  t.deepEqual(await engine.restoreKey(backup), made);
  await refused(t, engine.restoreKey(backup), 'Conflict');
  t.is((await versionsOf(engine, 'there')).length, 1);
});

test('restored many times at once, a key is restored once', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'once', spec: OCT });
  const backup = await engine.backupKey('once');
  const other = await emptyEngine(t);
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => other.restoreKey(backup)));
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 1);
  t.is((await versionsOf(other, 'once')).length, 1);
});

test('no bit of a backup can be another, and nothing can be cut off or put on', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'flips', spec: OCT });
  const backup = await engine.backupKey('flips');
  const other = await emptyEngine(t);
  for (let place = 0; place < backup.length; place++) {
    const flipped = new Uint8Array(backup);
    flipped[place] = (flipped[place] as number) ^ (1 << (place % 8));
    await refused(t, other.restoreKey(flipped), 'BadParameter', undefined, `byte ${place}`);
  }
  for (const length of [0, 1, 21, 100, backup.length - 1]) {
    await refused(t, other.restoreKey(backup.subarray(0, length)), 'BadParameter');
  }
  await refused(t, other.restoreKey(Buffer.concat([backup, Buffer.alloc(1)])), 'BadParameter');
  await refused(t, other.restoreKey(Buffer.concat([backup, backup])), 'BadParameter');
  await refused(t, other.restoreKey(new Uint8Array(LIMITS.keyBackupBytes + 1)), 'BadParameter');
  await refused(t, other.restoreKey('backup' as unknown as Uint8Array), 'BadParameter');
  await t.notThrowsAsync(other.restoreKey(backup));
});

test('a backup tells nothing of the key, and two of the same key are not alike', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'opaque-name', spec: OCT, tags: { owner: 'payroll department' } });
  const [one, other] = await Promise.all([engine.backupKey('opaque-name'), engine.backupKey('opaque-name')]);
  for (const text of ['opaque-name', 'payroll', 'owner', 'oct-HSM']) {
    t.false(Buffer.from(one).includes(text));
  }
  let same = 0;
  for (const [place, byte] of one.entries()) if (other[place] === byte) same += 1;
  t.true(same < 22 + one.length / 16);
});

test('another pool does not take a backup', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'foreign', spec: OCT });
  const backup = await engine.backupKey('foreign');
  const stranger = await openTestToken();
  t.teardown(() => stranger.close());
  const { engine: theirs } = await stranger.openEngine();
  await refused(t, theirs.restoreKey(backup), 'BadParameter');
  await refused(t, theirs.getKey({ name: 'foreign' }), 'KeyNotFound');
});

test('a key in resident custody has no backup, in whichever of its versions', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'resident', spec: OCT, custody: 'resident' });
  await refused(t, engine.backupKey('resident'), 'NotSupported');
  await engine.createKey({ name: 'resident', spec: OCT });
  await refused(t, engine.backupKey('resident'), 'NotSupported');
  await refused(t, engine.backupKey('unknown'), 'KeyNotFound');
  await refused(t, engine.backupKey('a b'), 'BadParameter');
});

test('the limits hold for restored keys as well', async (t) => {
  const { engine } = opened;
  for (let count = 0; count < 3; count++) await engine.createKey({ name: 'three', spec: OCT });
  const other = await emptyEngine(t, { versionsPerKey: 2 });
  await refused(t, other.restoreKey(await engine.backupKey('three')), 'BadParameter', 'KeyVersionLimitReached');
  await refused(t, other.getKey({ name: 'three' }), 'KeyNotFound');
});
