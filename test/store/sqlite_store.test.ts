import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { requireSqliteVersion } from '../../src/store/sqlite_database.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import type { Store } from '../../src/store/store.ts';
import { refused } from '../fixtures/refused.ts';
import { type TestStore, testStoreContract } from './store_contract.ts';
import { document, documentChange, intent, keyVersion, newKey, nextChange, WIDE } from './store_records.ts';

/** Where a store can be, until the test has ended. */
async function storePath(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-store-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return join(folder, 'strongroom.db');
}

async function openStore(t: ExecutionContext): Promise<{ store: SqliteStore; path: string }> {
  const path = await storePath(t);
  const store = await SqliteStore.open(path);
  t.teardown(() => store.close());
  return { store, path };
}

async function openTestStore(): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-store-'));
  const path = join(folder, 'strongroom.db');
  let store = await SqliteStore.open(path);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await SqliteStore.open(path);
      return store;
    },
    remove: async () => {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

testStoreContract(test, 'SqliteStore', openTestStore);

/** A program of its own, with the store at its one argument. */
const inChild = (lines: string): string => `
  const { SqliteStore } = await import(${JSON.stringify(new URL('../../src/store/sqlite_store.ts', import.meta.url))});
  const records = await import(${JSON.stringify(new URL('./store_records.ts', import.meta.url))});
  ${lines}
`;

test('a store that is open is not opened a second time, by this process or another', async (t) => {
  const { store, path } = await openStore(t);
  await refused(t, SqliteStore.open(path), 'ServiceUnavailable', 'StoreInUse');
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', OPEN, path], {
    encoding: 'utf8',
  });
  t.is(status, 0);
  t.is(stdout, 'StoreInUse');
  await store.changeKey(newKey('orders'), WIDE);
  t.truthy(await store.findKeyVersion('orders', undefined));
});

const OPEN = inChild(`
  try {
    await SqliteStore.open(process.argv[1]);
    process.stdout.write('opened');
  } catch (error) {
    process.stdout.write(error.innerCode ?? error.message);
  }
`);

test('a process that is killed leaves a store that opens, with all that it had acknowledged and no half of the rest', async (t) => {
  const path = await storePath(t);
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', WRITE_AND_DIE, path], {
    encoding: 'utf8',
  });
  t.is(signal, 'SIGKILL');
  const acknowledged = stdout.trim().split('\n');
  t.true(acknowledged.length >= 200);
  const store = await SqliteStore.open(path);
  t.teardown(() => store.close());
  for (const name of acknowledged) t.truthy(await store.findKeyVersion(name, undefined), name);
  for (const { key, version } of await store.listKeys('active', { after: undefined, limit: 10_000 })) {
    t.is(version?.record.version, key.record.newest);
    const versions = await store.listKeyVersions(key.record.name, { after: undefined, limit: 10 });
    t.is(versions.length, key.record.versions);
  }
});

const WRITE_AND_DIE = inChild(`
  const { writeSync } = await import('node:fs');
  const store = await SqliteStore.open(process.argv[1]);
  let done = 0;
  for (let index = 0; index < 2_000; index++) {
    const name = 'key-' + index;
    const versions = [1, 2, 3].map(() => records.keyVersion({ name }));
    const change = { ...records.newKey(name, { versions: 3, newest: versions[1].record.version }), versions };
    store.changeKey(change, records.WIDE).then(() => {
      writeSync(1, name + '\\n');
      if (++done === 200) process.kill(process.pid, 'SIGKILL');
    });
    if (index % 10 === 0) await new Promise(setImmediate);
  }
  await new Promise((resolve) => setTimeout(resolve, 60_000));
`);

test('a SQLite before 3.51.3 is refused, and a later one is not', (t) => {
  for (const version of ['3.51.2', '3.50.9', '3.46.1', '2.99.99', '3.51']) {
    const error = t.throws(() => requireSqliteVersion(version), { instanceOf: StrongroomError });
    t.is(error.innerCode, 'SqliteTooOld', version);
    t.true(error.message.includes(version));
  }
  for (const version of ['3.51.3', '3.51.10', '3.52.0', '4.0.0']) t.notThrows(() => requireSqliteVersion(version));
});

test('a file that is no database is refused without its path', async (t) => {
  const path = await storePath(t);
  appendFileSync(path, 'no database'.repeat(1_000));
  const error = await refused(t, SqliteStore.open(path), 'ServiceUnavailable', 'StoreNotOpened');
  t.false(error.message.includes(path));
  t.true(readFileSync(path, 'utf8').startsWith('no database'));
});

test('a database that a newer version has made is refused, and left as it is', async (t) => {
  const path = await storePath(t);
  await (await SqliteStore.open(path)).close();
  const database = new DatabaseSync(path);
  database.exec("INSERT INTO migration VALUES (9999, 'of_tomorrow', 'ab', 0)");
  database.close();
  const before = readFileSync(path);
  await refused(t, SqliteStore.open(path), 'ServiceUnavailable', 'StoreTooNew');
  t.deepEqual(readFileSync(path), before);
});

test('a database from the time of development is refused', async (t) => {
  const path = await storePath(t);
  const database = new DatabaseSync(path);
  database.exec(`
    CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied INTEGER NOT NULL) STRICT;
    INSERT INTO migration VALUES (1, 'key_versions', '${'ab'.repeat(32)}', 0);
    CREATE TABLE key (name TEXT NOT NULL PRIMARY KEY, versions INTEGER NOT NULL) STRICT;
  `);
  database.close();
  await refused(t, SqliteStore.open(path), 'ServiceUnavailable', 'StoreSchemaChanged');
});

test('the files of the store are for their owner alone', async (t) => {
  const { store, path } = await openStore(t);
  await store.changeKey(newKey('orders'), WIDE);
  for (const suffix of ['', '-wal', '-shm', '.lock']) t.is(statSync(path + suffix).mode & 0o777, 0o600, suffix);
});

test('a row that decodes to no record is reported as tampered with', async (t) => {
  const { store, path } = await openStore(t);
  await store.changeKey(newKey('orders'), WIDE);
  await store.addIntent(intent({ token: 'token' }));
  await store.changeDocument(documentChange(document()));
  const database = new DatabaseSync(path);
  t.teardown(() => database.close());
  const find = () => store.findKeyVersion('orders', undefined);
  const list = () => store.listKeys('active', { after: undefined, limit: 1 });
  const listVersions = () => store.listKeyVersions('orders', { after: undefined, limit: 1 });
  const listIntents = () => store.listIntents('token');
  const findDocument = () => store.findDocument('setting', 'orders');
  const listDocuments = () => store.listDocuments('setting');
  for (const [table, column, value, ask] of [
    ['key_version', 'key_type', 'DSA-HSM', find],
    ['key_version', 'operations', '["sign","fly"]', list],
    ['key_version', 'enabled', 2, listVersions],
    ['key_version', 'public_x', null, listVersions],
    ['key', 'scheduled_purge', 1, find],
    ['key', 'rotation_policy', '{}', list],
    ['key', 'rotation_due', 2n ** 60n, find],
    ['intent', 'kind', 'keep', listIntents],
    ['document', 'revision', 2n ** 60n, findDocument],
    ['document', 'revision', 2n ** 60n, listDocuments],
  ] as const) {
    const before = database.prepare(`SELECT ${column} AS value FROM ${table}`).get()?.value ?? null;
    database.prepare(`UPDATE ${table} SET ${column} = ?`).run(value);
    await refused(t, ask(), 'StoreTampered', undefined, column);
    database.prepare(`UPDATE ${table} SET ${column} = ?`).run(before);
    t.truthy(await ask());
  }
});

test('a key whose newest version is not there is listed without it, for the reader to refuse', async (t) => {
  const { store, path } = await openStore(t);
  await store.changeKey(newKey('orders'), WIDE);
  const database = new DatabaseSync(path);
  t.teardown(() => database.close());
  database.exec('DELETE FROM key_version');
  const [listed] = await store.listKeys('active', { after: undefined, limit: 1 });
  t.is(listed?.key.record.name, 'orders');
  t.is(listed?.version, undefined);
});

test('many changes share transactions', async (t) => {
  const { store } = await openStore(t);
  const started = performance.now();
  const count = 2_000;
  await Promise.all(Array.from({ length: count }, (_, index) => store.changeKey(newKey(`key-${index}`), WIDE)));
  t.log(`${Math.round((count / (performance.now() - started)) * 1000)} keys a second`);
  t.truthy(await store.findKeyVersion(`key-${count - 1}`, undefined));
});

test('a change that nobody foresaw to fail does not take those beside it along', async (t) => {
  const { store, path } = await openStore(t);
  const database = new DatabaseSync(path);
  t.teardown(() => database.close());
  database.exec(
    "CREATE TRIGGER broken BEFORE INSERT ON key_version WHEN new.name = 'broken' BEGIN SELECT RAISE(FAIL, 'broken'); END",
  );
  const names = ['a', 'broken', 'b'];
  const results = await Promise.allSettled(names.map((name) => store.changeKey(newKey(name), WIDE)));
  t.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  await refused(t, store.changeKey(newKey('broken'), WIDE), 'ServiceUnavailable');
  const listed = await store.listKeys('active', { after: undefined, limit: 10 });
  t.deepEqual(
    listed.map(({ key }) => key.record.name),
    ['a', 'b'],
  );
});

test('nobody else changes keys or documents of a store that one process has for itself', async (t) => {
  const { store } = await openStore(t);
  let calls = 0;
  (store as Store).onKeysChanged(() => {
    calls += 1;
  });
  (store as Store).onDocumentsChanged(() => {
    calls += 1;
  });
  const first = newKey('orders');
  await store.changeKey(first, WIDE);
  await store.changeKey(nextChange(first.key, {}, keyVersion()), WIDE);
  await store.changeDocument(documentChange(document()));
  t.is(calls, 0);
});

test('closing waits for what was handed in', async (t) => {
  const { store, path } = await openStore(t);
  const writes = Array.from({ length: 200 }, (_, index) => store.changeKey(newKey(`key-${index}`), WIDE));
  await store.close();
  await Promise.all(writes);
  const again = await SqliteStore.open(path);
  t.teardown(() => again.close());
  t.is((await again.listKeys('active', { after: undefined, limit: 1_000 })).length, 200);
});
