import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { materialOf } from '../fixtures/key_material.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken } from '../fixtures/softhsm_token.ts';
import { storeWith } from '../fixtures/store_with.ts';
import { plain } from '../store/store_records.ts';
import { type BackupPool, backupDirectory, DIRECTORY, openBackupPool, openRoles } from './backup_pool.ts';

const [token, stranger] = await Promise.all([openTestToken(), openTestToken()]);
const source = await openBackupPool(token);
const target = await openBackupPool(token);
test.after.always(async () => {
  await Promise.all([source.close(), target.close()]);
  await Promise.all([token.close(), stranger.close()]);
});

const DIGEST = randomBytes(32);
const P256 = { keyType: 'EC-HSM', curve: 'P-256' } as const;
const PLACE = (folder: string) => ({ location: DIRECTORY, folder });
const MANY = { after: undefined, limit: 1_000 };

/** Everything of a pool that a restore is to bring back, in a form that can be compared. */
async function contentsOf({ store, documents, engine }: BackupPool): Promise<unknown> {
  const roles = await openRoles(documents);
  return {
    keys: plain(await store.listWholeKeys(MANY)),
    assignments: roles.assignments.toSorted((one, other) => one.id.localeCompare(other.id)),
    definitions: roles.definitions,
    settings: await engine.listSettings(),
  };
}

const sign = (engine: KeyEngine, name: string) => engine.sign({ key: { name }, algorithm: 'ES256', digest: DIGEST });

test.before(async () => {
  const { engine, roles } = source;
  await engine.createKey({ name: 'orders', spec: P256, tags: { of: 'sales' } });
  await engine.createKey({ name: 'orders', spec: P256, enabled: false });
  await engine.createKey({ name: 'rsa', spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } });
  const bytes = materialOf({ kty: 'oct', k: randomBytes(32).toString('base64url') });
  await engine.importKey({ name: 'aes', material: bytes, operations: ['encrypt', 'decrypt'] });
  await engine.createKey({ name: 'gone', spec: P256 });
  await engine.deleteKey('gone');
  await engine.createKey({ name: 'turning', spec: P256 });
  const lifetimeActions = [{ action: 'Rotate' as const, timeAfterCreate: 'P90D', timeBeforeExpiry: undefined }];
  await engine.setRotationPolicy({ name: 'turning', lifetimeActions, expiryTime: 'P1Y' });
  await engine.setSetting('AllowKeyManagementOperationsThroughARM', true);
  const { cryptoUser, administrator } = BUILT_IN_ROLE_IDS;
  for (const [scope, roleDefinitionId] of [['/', administrator] as const, ['/keys/orders', cryptoUser] as const]) {
    await roles.addAssignment({ id: randomUUID(), principalId: randomUUID(), roleDefinitionId, scope });
  }
});

test.serial('a full backup ends with the folder that it is in, whose parts say nothing in clear', async (t) => {
  const begun = await source.backups.startBackup(DIRECTORY);
  t.is(begun.state, 'InProgress');
  t.regex(begun.id, /^[0-9a-f]{32}$/);
  const job = await source.done(Promise.resolve(begun));
  t.deepEqual([job.state, job.error], ['Succeeded', undefined]);
  t.is(job.details, '5 keys with 6 versions were backed up');
  t.regex(job.folderUri ?? '', /^file:\/\/\/backups\/mhsm-demo-\d{16}$/);
  const folder = join(backupDirectory(token), (job.folderUri ?? '').slice('file:///backups/'.length));
  const names = (await readdir(folder)).sort();
  t.deepEqual(names, ['chunk-000001', 'manifest.json']);
  for (const name of names) {
    t.is((await stat(join(folder, name))).mode & 0o777, 0o600);
    const bytes = await readFile(join(folder, name), 'latin1');
    for (const word of ['orders', 'sales', 'turning', '"keys"']) t.false(bytes.includes(word), `${name}: ${word}`);
  }
});

test.serial('a restore gives another pool of the domain every key, version, policy, role and setting', async (t) => {
  const { ciphertext, iv, tag } = await source.engine.encrypt({
    key: { name: 'aes' },
    algorithm: 'A256GCM',
    plaintext: Buffer.from('kept'),
  });
  const before = await sign(source.engine, 'turning');
  const folder = await source.backedUp();
  const job = await target.done(target.backups.startRestore(PLACE(folder)));
  t.deepEqual([job.state, job.error], ['Succeeded', undefined]);
  t.deepEqual(await contentsOf(target), await contentsOf(source));
  while (target.roles.assignments.length < 2) await delay(5);
  const { engine } = target;
  const opened = await engine.decrypt({ key: { name: 'aes' }, algorithm: 'A256GCM', ciphertext, iv, tag });
  t.is(Buffer.from(opened.plaintext).toString(), 'kept');
  const { valid } = await engine.verify({
    key: { name: 'turning', version: before.version },
    algorithm: 'ES256',
    digest: DIGEST,
    signature: before.signature,
  });
  t.true(valid);
  await refused(t, sign(engine, 'orders'), 'Forbidden', 'KeyDisabled');
  await refused(t, sign(engine, 'gone'), 'KeyNotFound');
  await engine.recoverKey('gone');
  t.truthy((await sign(engine, 'gone')).signature);
});

test.serial('a restore replaces what was there, and needs a full backup of it that is new', async (t) => {
  const folder = await source.backedUp();
  await target.engine.createKey({ name: 'extra', spec: P256 });
  await sign(target.engine, 'gone');
  await refused(t, target.backups.startRestore(PLACE(folder)), 'Conflict', 'BackupRequired');
  const own = await target.backedUp();
  t.is((await target.done(target.backups.startRestore(PLACE(folder)))).state, 'Succeeded');
  t.deepEqual(await contentsOf(target), await contentsOf(source));
  await refused(t, sign(target.engine, 'extra'), 'KeyNotFound');
  await refused(t, sign(target.engine, 'gone'), 'KeyNotFound');
  t.is((await target.done(target.backups.startRestore(PLACE(own)))).state, 'Succeeded');
  t.truthy((await sign(target.engine, 'extra')).signature);
});

test.serial('a count of encryptions never becomes less by a restore', async (t) => {
  const folder = await source.backedUp();
  const [{ versions: [version] = [] } = { versions: [] }] = (await target.store.listWholeKeys(MANY)).filter(
    ({ key }) => key.record.name === 'aes',
  );
  const { name, version: id } = version?.version.record ?? { name: '', version: '' };
  await target.store.reserveEncryptions(name, id, 1_000_000, Number.MAX_SAFE_INTEGER);
  const before = await target.store.reserveEncryptions(name, id, 0, Number.MAX_SAFE_INTEGER);
  await target.backedUp();
  t.is((await target.done(target.backups.startRestore(PLACE(folder)))).state, 'Succeeded');
  t.is(await target.store.reserveEncryptions(name, id, 0, Number.MAX_SAFE_INTEGER), before);
  t.true(before >= 1_000_000);
});

test.serial('a selective restore brings one key back with all its versions, once it is purged', async (t) => {
  const folder = await source.backedUp();
  const wanted = plain((await source.store.listWholeKeys(MANY)).filter(({ key }) => key.record.name === 'orders'));
  const restore = () => target.done(target.backups.startKeyRestore('orders', PLACE(folder)));
  t.like(await restore(), { state: 'Failed', error: { code: 'Conflict' } });
  await target.engine.deleteKey('orders');
  t.like(await restore(), { error: { code: 'Conflict', innerCode: 'ObjectIsDeletedButRecoverable' } });
  await target.engine.purgeKey('orders');
  t.like(await restore(), { state: 'Succeeded', keyName: 'orders' });
  const restored = (await target.store.listWholeKeys(MANY)).filter(({ key }) => key.record.name === 'orders');
  const versionsOf = (keys: unknown) =>
    (keys as { versions: { version: { record: unknown } }[] }[])[0]?.versions.map(({ version }) => version.record);
  t.deepEqual(versionsOf(plain(restored)), versionsOf(wanted));
  const unknown = await target.done(target.backups.startKeyRestore('nobody', PLACE(folder)));
  t.like(unknown, { state: 'Failed', error: { code: 'KeyNotFound', innerCode: 'KeyNotInBackup' } });
});

test.serial('what is restored one by one keeps its count of encryptions', async (t) => {
  const folder = await source.backedUp();
  await target.engine.deleteKey('aes');
  await target.engine.purgeKey('aes');
  t.is((await target.done(target.backups.startKeyRestore('aes', PLACE(folder)))).state, 'Succeeded');
  const countsOf = async (pool: BackupPool) =>
    (await pool.store.listWholeKeys(MANY))
      .filter(({ key }) => key.record.name === 'aes')
      .flatMap(({ versions }) => versions.map(({ encryptions }) => encryptions));
  t.deepEqual(await countsOf(target), await countsOf(source));
});

test.serial('a key that is restored one by one is there with its count, or not at all', async (t) => {
  const folder = await source.backedUp();
  const lost = await openBackupPool(token);
  try {
    // Nothing but the change of the key itself comes to pass: as if the server ended behind it.
    const failing = storeWith(lost.store, {
      reserveEncryptions: async () => {
        throw new StrongroomError('ServiceUnavailable', 'The server ended.');
      },
    });
    const engine = await KeyEngine.open({ pool: lost.pool, store: failing, epoch: lost.epoch });
    const pool = await openBackupPool(
      token,
      {},
      {
        restoreKey: async (key) => {
          await engine.restoreWholeKey(key);
        },
      },
    );
    t.is((await pool.done(pool.backups.startKeyRestore('aes', PLACE(folder)))).state, 'Succeeded');
    const [wanted] = (await source.store.listWholeKeys(MANY)).filter(({ key }) => key.record.name === 'aes');
    const [found] = await lost.store.listWholeKeys(MANY);
    t.true((wanted?.versions[0]?.encryptions ?? 0) > 0);
    t.is(found?.versions[0]?.encryptions, wanted?.versions[0]?.encryptions);
    await engine.close();
    await pool.close();
  } finally {
    await lost.close();
  }
});

test.serial('checks say whether a backup or a restore would succeed, and change nothing', async (t) => {
  const folder = await source.backedUp();
  const before = await contentsOf(source);
  const folders = (await readdir(backupDirectory(token))).length;
  t.is((await source.done(source.backups.checkBackup(DIRECTORY))).state, 'Succeeded');
  t.is((await source.done(source.backups.checkBackup(undefined))).state, 'Succeeded');
  t.is((await source.done(source.backups.checkRestore(PLACE(folder)))).state, 'Succeeded');
  t.is((await source.done(source.backups.checkRestore(undefined))).state, 'Succeeded');
  t.like(await source.done(source.backups.checkRestore(PLACE('mhsm-none'))), {
    state: 'Failed',
    error: { code: 'NotFound', innerCode: 'BackupNotFound' },
  });
  t.is((await readdir(backupDirectory(token))).length, folders);
  t.deepEqual(await contentsOf(source), before);
});

test.serial('the backup of another security domain is refused for that reason, and nothing has changed', async (t) => {
  const folder = await source.backedUp();
  const other = await openBackupPool(stranger, {}, { storage: { directory: backupDirectory(token), origins: [] } });
  try {
    const job = await other.done(other.backups.startRestore(PLACE(folder)));
    t.like(job, { state: 'Failed', error: { code: 'BadParameter', innerCode: 'BackupOfOtherDomain' } });
    t.deepEqual(await other.store.listWholeKeys(MANY), []);
  } finally {
    await other.close();
  }
});

test.serial('backups of HSMs of one name in the same moment do not come into each other’s folder', async (t) => {
  let nowMs = Date.now() + 3_600_000;
  let step = 0;
  const clock = () => (nowMs += step);
  const [one, other] = [await openBackupPool(token, {}, { clock }), await openBackupPool(token, {}, { clock })];
  try {
    await one.engine.createKey({ name: 'of-one', spec: P256 });
    const folder = await one.backedUp();
    const stuck = await other.done(other.backups.startBackup(DIRECTORY));
    t.like(stuck, { state: 'Failed', error: { code: 'Conflict', innerCode: 'StorageTaken' } });
    step = 2;
    t.not(await other.backedUp(), folder);
    t.is((await other.done(other.backups.startRestore(PLACE(folder)))).state, 'Succeeded');
    t.truthy((await sign(other.engine, 'of-one')).signature);
  } finally {
    await Promise.all([one.close(), other.close()]);
  }
});

test.serial('a key that the HSM keeps itself is in no backup, and the backup says so', async (t) => {
  const pool = await openBackupPool(token, { custody: 'resident' });
  try {
    await pool.engine.createKey({ name: 'resident', spec: P256 });
    const refusal = { state: 'Failed', error: { code: 'NotSupported', innerCode: 'ResidentKeys' } };
    t.like(await pool.done(pool.backups.startBackup(DIRECTORY)), refusal);
    t.like(await pool.done(pool.backups.checkBackup(undefined)), refusal);
    await pool.engine.deleteKey('resident');
    await pool.engine.purgeKey('resident');
  } finally {
    await pool.close();
  }
});

test.serial('more keys than the pool may hold are not restored', async (t) => {
  const folder = await source.backedUp();
  const small = await openBackupPool(token, {}, { mostKeys: 2 });
  try {
    const job = await small.done(small.backups.startRestore(PLACE(folder)));
    t.like(job, { state: 'Failed', error: { code: 'BadParameter', innerCode: 'KeyLimitReached' } });
  } finally {
    await small.close();
  }
});

test.serial('there is one job at a time, and a restore says that it is one', async (t) => {
  const folder = await source.backedUp();
  await target.backedUp();
  const begun = target.backups.startRestore(PLACE(folder));
  await begun;
  t.true(target.backups.isRestoring);
  await refused(t, target.backups.startBackup(DIRECTORY), 'Conflict', 'RestoreInProgress');
  await refused(t, target.backups.startKeyRestore('orders', PLACE(folder)), 'Conflict', 'RestoreInProgress');
  t.is((await target.done(begun)).state, 'Succeeded');
  t.false(target.backups.isRestoring);
  const backup = target.backups.startBackup(DIRECTORY);
  await backup;
  t.false(target.backups.isRestoring);
  await refused(t, target.backups.startRestore(PLACE(folder)), 'Conflict', 'BackupInProgress');
  await target.done(backup);
});

test.serial('a job is asked for by those who know its id, and as what it is', async (t) => {
  const { id } = await source.done(source.backups.startBackup(DIRECTORY));
  t.is((await source.backups.backup(id)).id, id);
  await refused(t, source.backups.restore(id), 'NotFound');
  for (const unknown of ['', 'f'.repeat(32), '../last', id.toUpperCase()]) {
    await refused(t, source.backups.backup(unknown), 'NotFound');
  }
});

test.serial('no caller names a path, and a directory that is not there is told as that', async (t) => {
  for (const storageResourceUri of [
    'file:/etc',
    'file:///etc',
    'file:backups',
    '/etc',
    'http://127.0.0.1/c',
    'https://user:pw@host/c',
    'https://host/c?sig=1',
    'https://host/',
  ]) {
    const attempt = source.backups.startBackup({ storageResourceUri, token: 'sig=secret' });
    const error = await t.throwsAsync(attempt, undefined, storageResourceUri);
    t.false(error.message.includes('secret'));
  }
  for (const folder of ['', '..', 'a/../b', '/etc/..', 'a\0b', '.hidden', 'x'.repeat(300)]) {
    await refused(t, source.backups.startRestore(PLACE(folder)), 'BadParameter', undefined, folder);
  }
  const directory = join(token.directory, 'nowhere');
  const lost = await openBackupPool(token, {}, { storage: { directory, origins: [] } });
  const none = await openBackupPool(token, {}, { storage: { directory: undefined, origins: [] } });
  try {
    const missing = { state: 'Failed', error: { code: 'NotFound', innerCode: 'StorageNotFound' } };
    t.like(await lost.done(lost.backups.startBackup(DIRECTORY)), missing);
    t.like(await lost.done(lost.backups.checkBackup(DIRECTORY)), missing);
    await mkdir(directory);
    t.is((await lost.done(lost.backups.startBackup(DIRECTORY))).state, 'Succeeded');
    await refused(t, none.backups.startBackup(DIRECTORY), 'Forbidden', 'StorageNotAllowed');
  } finally {
    await Promise.all([lost.close(), none.close()]);
  }
});

test.serial('nothing that was foreseen is told as trouble', (t) => {
  t.deepEqual([...source.trouble, ...target.trouble], []);
});
