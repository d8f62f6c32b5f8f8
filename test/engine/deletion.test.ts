import { randomBytes } from 'node:crypto';
import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { KeySpec } from '../../src/model/key.ts';
import type { RecoverySettings } from '../../src/model/recovery.ts';
import { materialOf } from '../fixtures/key_material.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { countObjects, settledObjects } from '../fixtures/token_inventory.ts';

let token: TestToken;
let opened: TestEngine;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine();
});

test.after.always(() => token.close());

const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const BLOCK = randomBytes(32);
const NOW = 2_000_000_000;
const DAY = 86_400;

const withRecovery = (recovery: RecoverySettings, clock = (): number => NOW * 1000): Promise<KeyEngine> =>
  KeyEngine.open({ ...opened, recovery, clock });

test('a deleted key is there for the operations on deleted keys and for nothing else', async (t) => {
  const { engine } = opened;
  const key = { name: 'gone' };
  const { version } = await engine.createKey({ ...key, spec: OCT });
  await engine.createKey({ ...key, spec: OCT });
  const { ciphertext, iv } = await engine.encrypt({ key, algorithm: 'A256CBC', plaintext: BLOCK });
  const deleted = await engine.deleteKey('gone');
  const algorithm = 'A256CBC';
  for (const attempt of [
    engine.getKey(key),
    engine.getKey({ ...key, version }),
    engine.updateKey({ key }),
    engine.listKeyVersions('gone', { limit: 5 }),
    engine.deleteKey('gone'),
    engine.rotateKey('gone'),
    engine.getRotationPolicy('gone'),
    engine.setRotationPolicy({ name: 'gone', lifetimeActions: [], expiryTime: 'P90D' }),
    engine.backupKey('gone'),
    engine.encrypt({ key, algorithm, plaintext: BLOCK }),
    engine.decrypt({ key: { ...key, version }, algorithm, ciphertext, iv }),
  ]) {
    await refused(t, attempt, 'KeyNotFound');
  }
  t.deepEqual(await engine.getDeletedKey('gone'), deleted);
  const listed = await engine.listDeletedKeys({ limit: 100 });
  t.deepEqual(
    listed.items.find(({ name }) => name === 'gone'),
    deleted,
  );
  const { items } = await engine.listKeys({ limit: 100 });
  t.false(items.some(({ name }) => name === 'gone'));
});

test('the name of a deleted key is taken, whatever would be made of it', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'taken', spec: OCT });
  const backup = await engine.backupKey('taken');
  await engine.deleteKey('taken');
  const material = materialOf({ kty: 'oct', k: BLOCK.toString('base64url') });
  for (const attempt of [
    engine.createKey({ name: 'taken', spec: P256 }),
    engine.createKey({ name: 'taken', spec: P256, custody: 'resident' }),
    engine.importKey({ name: 'taken', material }),
    engine.restoreKey(backup),
  ]) {
    const { message } = await refused(t, attempt, 'Conflict', 'ObjectIsDeletedButRecoverable');
    t.is(
      message,
      'Key taken is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged.',
    );
  }
  t.deepEqual(material, materialOf({ kty: 'oct', k: Buffer.alloc(32).toString('base64url') }));
});

test('a recovered key is what it was, in all its versions', async (t) => {
  const { engine } = opened;
  const first = await engine.createKey({ name: 'back', spec: OCT, tags: { a: 'b' } });
  const second = await engine.createKey({ name: 'back', spec: P256 });
  await engine.deleteKey('back');
  t.deepEqual(await engine.recoverKey('back'), second);
  t.deepEqual(await engine.getKey(first), first);
  t.deepEqual(await engine.getKey({ name: 'back' }), second);
  await t.notThrowsAsync(engine.encrypt({ key: first, algorithm: 'A256GCM', plaintext: BLOCK }));
  await refused(t, engine.getDeletedKey('back'), 'KeyNotFound');
  await t.notThrowsAsync(engine.createKey({ name: 'back', spec: OCT }));
});

test('what is not deleted is neither got, recovered nor purged as a deleted key', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'alive', spec: OCT });
  for (const name of ['alive', 'never']) {
    for (const attempt of [engine.getDeletedKey(name), engine.recoverKey(name), engine.purgeKey(name)]) {
      const { message } = await refused(t, attempt, 'KeyNotFound');
      t.is(message, `Deleted Key not found: ${name}`);
    }
  }
  await refused(t, engine.deleteKey('never'), 'KeyNotFound');
  for (const attempt of [
    engine.deleteKey('a b'),
    engine.purgeKey('a b'),
    engine.recoverKey(''),
    engine.getDeletedKey('_'),
  ]) {
    await refused(t, attempt, 'BadParameter');
  }
});

test('a purged key is gone in every version, and its name is free for another', async (t) => {
  const { engine, store } = opened;
  const { version } = await engine.createKey({ name: 'purged', spec: OCT });
  await engine.createKey({ name: 'purged', spec: OCT });
  await engine.deleteKey('purged');
  await engine.purgeKey('purged');
  await refused(t, engine.getDeletedKey('purged'), 'KeyNotFound');
  await refused(t, engine.recoverKey('purged'), 'KeyNotFound');
  t.is(await store.findKeyVersion('purged', version), undefined);
  t.deepEqual(await store.listKeyVersions('purged', { after: undefined, limit: 10 }), []);
  const made = await engine.createKey({ name: 'purged', spec: P256 });
  t.deepEqual(await engine.getKey({ name: 'purged' }), made);
  await refused(t, engine.getKey({ name: 'purged', version }), 'KeyNotFound');
});

test('no instance holds an object of a key that is purged', async (t) => {
  const { engine, pool } = await token.openEngine();
  const before = await settledObjects(pool, { CKA_TOKEN: false });
  const key = { name: 'objects' };
  await engine.createKey({ ...key, spec: P256 });
  for (let count = 0; count < 20; count++) {
    const { signature } = await engine.sign({ key, algorithm: 'ES256', digest: BLOCK });
    await engine.verify({ key, algorithm: 'ES256', digest: BLOCK, signature });
  }
  t.true((await countObjects(pool, { CKA_TOKEN: false })).some((count, index) => count > (before[index] as number)));
  await engine.deleteKey('objects');
  await engine.purgeKey('objects');
  t.is(engine.status().custody.objects, 0);
  t.deepEqual(await settledObjects(pool, { CKA_TOKEN: false }), before);
});

test('the objects of a resident key leave the token when it is purged, and not before', async (t) => {
  const { engine, pool, store } = await token.openEngine({ custody: 'resident' });
  const before = await countObjects(pool, { CKA_TOKEN: true });
  await engine.createKey({ name: 'resident', spec: P256 });
  await engine.createKey({ name: 'resident', spec: OCT });
  await engine.createKey({ name: 'resident', spec: OCT, custody: 'wrapped' });
  await engine.deleteKey('resident');
  t.deepEqual(
    await countObjects(pool, { CKA_TOKEN: true }),
    before.map((count) => count + 4),
  );
  await engine.purgeKey('resident');
  t.deepEqual(await countObjects(pool, { CKA_TOKEN: true }), before);
  t.deepEqual(await store.listIntents(pool.firstToken.serial), []);
});

test('the dates of a deletion and the recovery level follow the settings of the pool', async (t) => {
  for (const [index, [retentionDays, purgeProtection, recoveryLevel]] of (
    [
      [90, false, 'Recoverable+Purgeable'],
      [90, true, 'Recoverable'],
      [7, false, 'CustomizedRecoverable+Purgeable'],
      [30, true, 'CustomizedRecoverable'],
    ] as const
  ).entries()) {
    const engine = await withRecovery({ retentionDays, purgeProtection });
    const name = `level-${index}`;
    t.like(await engine.createKey({ name, spec: OCT }), { recoverableDays: retentionDays, recoveryLevel });
    t.like(await engine.deleteKey(name), {
      name,
      recoverableDays: retentionDays,
      recoveryLevel,
      deletion: { deleted: NOW, scheduledPurge: NOW + retentionDays * DAY },
    });
  }
  for (const retentionDays of [6, 91, 7.5]) {
    await t.throwsAsync(withRecovery({ retentionDays, purgeProtection: false }), { instanceOf: TypeError });
  }
});

test('under purge protection nobody purges a key before its time, and it can be recovered until then', async (t) => {
  let now = NOW;
  const engine = await withRecovery({ retentionDays: 7, purgeProtection: true }, () => now * 1000);
  await engine.createKey({ name: 'protected', spec: OCT });
  await engine.deleteKey('protected');
  await refused(t, engine.purgeKey('protected'), 'Forbidden');
  now += 7 * DAY - 1;
  await refused(t, engine.purgeKey('protected'), 'Forbidden');
  await engine.recoverKey('protected');
  await engine.deleteKey('protected');
  now += DAY;
  await refused(t, engine.purgeKey('protected'), 'Forbidden');
  now += 6 * DAY;
  await engine.purgeKey('protected');
  await refused(t, engine.getDeletedKey('protected'), 'KeyNotFound');
});
