import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { KeySpec } from '../../src/model/key.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { encodeTemplate } from '../../src/pkcs11/template.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestToken } from '../fixtures/softhsm_token.ts';
import { destroyObjects, findObjects } from '../fixtures/token_inventory.ts';

let token: TestToken;
let pool: HsmPool;
let stores = 0;

test.before(async () => {
  token = await openTestToken();
  pool = await token.openPool();
});

test.after.always(() => token.close());

const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const BLOCK = randomBytes(16);

const encrypt = (engine: KeyEngine, name: string, version?: string): Promise<unknown> =>
  engine.encrypt({ key: { name, version }, algorithm: 'A256GCM', plaintext: BLOCK });

interface OpenStore {
  readonly engine: KeyEngine;
  readonly path: string;
  close(): Promise<void>;
}

/** An engine over a store of its own, or over the one in this file. */
async function openStore(path = join(token.directory, `tampered-${stores++}.db`)): Promise<OpenStore> {
  const store = await SqliteStore.open(path);
  return { engine: await KeyEngine.open({ pool, store }), path, close: () => store.close() };
}

/** Lets somebody else at the database while nobody has it open, and opens an engine over what he has left. */
async function tamperedBy(
  t: ExecutionContext,
  { close, path }: OpenStore,
  tamper: (database: DatabaseSync) => void,
): Promise<KeyEngine> {
  await close();
  const database = new DatabaseSync(path);
  tamper(database);
  database.close();
  const opened = await openStore(path);
  t.teardown(opened.close);
  return opened.engine;
}

const EDITS: readonly [string, string][] = [
  ['another operation', `UPDATE key_version SET operations = '["encrypt","decrypt","sign"]' WHERE name = 'a'`],
  ['enabled', `UPDATE key_version SET enabled = 1 - enabled WHERE name = 'a'`],
  ['the expiry', `UPDATE key_version SET expires = 4102444800 WHERE name = 'a'`],
  ['the wrapped key', `UPDATE key_version SET wrapped_key = CAST(x'00' || wrapped_key AS BLOB) WHERE name = 'a'`],
  [
    'the wrapped key of another version',
    `UPDATE key_version SET wrapped_key = (SELECT wrapped_key FROM key_version WHERE name = 'b') WHERE name = 'a'`,
  ],
  ['the creation time', `UPDATE key_version SET created = created + 1 WHERE name = 'a'`],
  ['the revision', `UPDATE key_version SET revision = 2 WHERE name = 'a'`],
  ['the tags', `UPDATE key_version SET tags = '{"a":"b"}' WHERE name = 'a'`],
  ['the seal', `UPDATE key_version SET seal = zeroblob(32) WHERE name = 'a'`],
  ['no seal', `UPDATE key_version SET seal = x'' WHERE name = 'a'`],
  [
    'the seal of another version',
    `UPDATE key_version SET seal = (SELECT seal FROM key_version WHERE name = 'b') WHERE name = 'a'`,
  ],
  ['no version', `DELETE FROM key_version WHERE name = 'a'`],
  ['another newest version', `UPDATE key SET newest = (SELECT newest FROM key WHERE name = 'b') WHERE name = 'a'`],
  ['the number of versions', `UPDATE key SET versions = 2 WHERE name = 'a'`],
  ['when it is rotated', `UPDATE key SET rotation_due = 5 WHERE name = 'a'`],
  ['the revision of the key', `UPDATE key SET revision = revision + 1 WHERE name = 'a'`],
  ['the seal of the key', `UPDATE key SET seal = zeroblob(32) WHERE name = 'a'`],
  ['the seal of another key', `UPDATE key SET seal = (SELECT seal FROM key WHERE name = 'b') WHERE name = 'a'`],
  [
    'the names the other way round',
    `PRAGMA foreign_keys = OFF; UPDATE key_version SET name = CASE name WHEN 'a' THEN 'b' ELSE 'a' END`,
  ],
];

for (const [what, sql] of EDITS) {
  test(`a key version is refused where somebody changed it: ${what}`, async (t) => {
    const opened = await openStore();
    for (const name of ['a', 'b']) await opened.engine.createKey({ name, spec: OCT });
    const engine = await tamperedBy(t, opened, (database) => database.exec(sql));
    await refused(t, encrypt(engine, 'a'), 'StoreTampered');
    await refused(t, engine.getKey({ name: 'a' }), 'StoreTampered');
    await refused(t, engine.createKey({ name: 'a', spec: OCT }), 'StoreTampered');
    await refused(t, engine.updateKey({ key: { name: 'a' }, enabled: true }), 'StoreTampered');
    await refused(t, engine.deleteKey('a'), 'StoreTampered');
    await refused(t, engine.listKeys({ limit: 10 }), 'StoreTampered');
    t.is(pool.status().state, 'ready');
  });
}

test('a key that somebody marked as deleted, or as not deleted, is refused as either', async (t) => {
  const opened = await openStore();
  for (const name of ['a', 'b']) await opened.engine.createKey({ name, spec: OCT });
  await opened.engine.deleteKey('b');
  const engine = await tamperedBy(t, opened, (database) => {
    database.exec("UPDATE key SET deleted = 5, scheduled_purge = 6 WHERE name = 'a'");
    database.exec("UPDATE key SET deleted = NULL, scheduled_purge = NULL WHERE name = 'b'");
  });
  for (const name of ['a', 'b']) {
    await refused(t, encrypt(engine, name), 'StoreTampered');
    await refused(t, engine.recoverKey(name), 'StoreTampered');
    await refused(t, engine.purgeKey(name), 'StoreTampered');
    await refused(t, engine.getDeletedKey(name), 'StoreTampered');
  }
  await refused(t, engine.listKeys({ limit: 5 }), 'StoreTampered');
  await refused(t, engine.listDeletedKeys({ limit: 5 }), 'StoreTampered');
  const { failed, purged } = await engine.keepHouse();
  t.deepEqual(purged, []);
  t.deepEqual(
    failed.map(({ name }) => name),
    ['a'],
  );
});

test('a version that is not the newest is refused by its own row, and the newest is not', async (t) => {
  const opened = await openStore();
  const { version } = await opened.engine.createKey({ name: 'a', spec: OCT });
  await opened.engine.createKey({ name: 'a', spec: OCT });
  const engine = await tamperedBy(t, opened, (database) => {
    database.prepare('UPDATE key_version SET enabled = 0 WHERE version = ?').run(version);
  });
  await t.notThrowsAsync(encrypt(engine, 'a'));
  await refused(t, encrypt(engine, 'a', version), 'StoreTampered');
  await refused(t, engine.listKeyVersions('a', { limit: 5 }), 'StoreTampered');
  await refused(t, engine.backupKey('a'), 'StoreTampered');
});

test('a key that has lost a version is not backed up as if it were whole', async (t) => {
  const opened = await openStore();
  const { version } = await opened.engine.createKey({ name: 'a', spec: OCT });
  await opened.engine.createKey({ name: 'a', spec: OCT });
  const engine = await tamperedBy(t, opened, (database) => {
    database.prepare('DELETE FROM key_version WHERE version = ?').run(version);
  });
  await refused(t, engine.backupKey('a'), 'StoreTampered');
});

test('what nobody changed still opens after that', async (t) => {
  const opened = await openStore();
  for (const name of ['a', 'b']) await opened.engine.createKey({ name, spec: OCT });
  const engine = await tamperedBy(t, opened, (database) => {
    database.exec(`UPDATE key_version SET enabled = 0 WHERE name = 'b'`);
  });
  await refused(t, encrypt(engine, 'b'), 'StoreTampered');
  await t.notThrowsAsync(encrypt(engine, 'a'));
});

test('a store that belongs to another token is refused', async (t) => {
  const opened = await openStore();
  await opened.engine.createKey({ name: 'a', spec: OCT });
  await opened.close();
  const other = await openTestToken();
  t.teardown(() => other.close());
  const { engine } = await other.openEngine({ storeName: `../${opened.path.split('/').slice(-2).join('/')}` });
  await refused(t, encrypt(engine, 'a'), 'StoreTampered');
});

test('a resident key that the token has lost is missing, and not unknown', async (t) => {
  const { engine, pool, store } = await token.openEngine({ custody: 'resident' });
  const { version } = await engine.createKey({ name: 'lost', spec: OCT });
  const { objectId } = (await store.findKeyVersion('lost', version))?.version?.record ?? {};
  t.is(await destroyObjects(pool, { CKA_TOKEN: true, CKA_ID: objectId }), 2);
  await refused(t, encrypt(engine, 'lost'), 'KeyMissing');
  t.is((await engine.getKey({ name: 'lost' })).version, version);
});

test('a resident key that the token has twice is refused, because nobody can tell which one it is', async (t) => {
  const { engine, pool, store } = await token.openEngine({ custody: 'resident' });
  await engine.createKey({ name: 'first', spec: OCT });
  await engine.createKey({ name: 'second', spec: OCT });
  const idOf = async (name: string) =>
    (await store.findKeyVersion(name, undefined))?.version?.record.objectId as Uint8Array;
  const [host] = pool.hosts;
  for (const object of await findObjects(pool, { CKA_TOKEN: true, CKA_ID: await idOf('second') }, host)) {
    const template = encodeTemplate({ CKA_ID: await idOf('first') });
    await pool.call(ringRequest(RING_OPERATION.setAttributes, { object, template }), { host, effect: 'mutating' });
  }
  await refused(t, encrypt(engine, 'first'), 'InternalError', 'KeyAmbiguous');
  await refused(t, encrypt(engine, 'second'), 'KeyMissing');
});
