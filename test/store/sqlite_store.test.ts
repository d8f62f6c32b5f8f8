import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { migrate, readMigrations } from '../../src/store/migration.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { refused } from '../fixtures/refused.ts';
import { keyVersion, type TestStore, testStoreContract, WIDE } from './store_contract.ts';

async function directory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'strongroom-store-'));
}

async function openTestStore(): Promise<TestStore> {
  const folder = await directory();
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

test('a store that is open is not opened a second time, by this process or another', async (t) => {
  const folder = await directory();
  const path = join(folder, 'strongroom.db');
  const store = await SqliteStore.open(path);
  t.teardown(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  await refused(t, SqliteStore.open(path), 'ServiceUnavailable', 'StoreInUse');
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', OPEN_IN_CHILD, path], {
    encoding: 'utf8',
  });
  t.is(status, 0);
  t.is(stdout, 'StoreInUse');
  await store.addKeyVersion(keyVersion(), WIDE);
  t.truthy(await store.findKeyVersion('orders', undefined));
});

const OPEN_IN_CHILD = `
  const { SqliteStore } = await import(${JSON.stringify(new URL('../../src/store/sqlite_store.ts', import.meta.url))});
  try {
    await SqliteStore.open(process.argv[1]);
    process.stdout.write('opened');
  } catch (error) {
    process.stdout.write(error.innerCode ?? error.message);
  }
`;

test('a process that is killed leaves a store that opens, with what it had acknowledged', async (t) => {
  const folder = await directory();
  const path = join(folder, 'strongroom.db');
  const { status, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', WRITE_AND_DIE, path]);
  t.deepEqual([status, signal], [null, 'SIGKILL']);
  const store = await SqliteStore.open(path);
  t.teardown(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  t.truthy(await store.findKeyVersion('orders', undefined));
});

const WRITE_AND_DIE = `
  const { SqliteStore } = await import(${JSON.stringify(new URL('../../src/store/sqlite_store.ts', import.meta.url))});
  const { keyVersion, WIDE } = await import(${JSON.stringify(new URL('./store_contract.ts', import.meta.url))});
  const store = await SqliteStore.open(process.argv[1]);
  await store.addKeyVersion(keyVersion(), WIDE);
  process.kill(process.pid, 'SIGKILL');
`;

test('a database that a newer version has made is refused, and left as it is', async (t) => {
  const { store, remove } = await openTestStore();
  t.teardown(remove);
  await store.close();
  const folder = await directory();
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'strongroom.db');
  await (await SqliteStore.open(path)).close();
  const database = new DatabaseSync(path);
  database.exec("INSERT INTO migration VALUES (9999, 'of_tomorrow', 'ab', 0)");
  database.close();
  await refused(t, SqliteStore.open(path), 'ServiceUnavailable', 'StoreTooNew');
});

test('a database whose schema came from other text is refused', async (t) => {
  const folder = await directory();
  t.teardown(() => rm(folder, { recursive: true }));
  const migrations = join(folder, 'migrations');
  cpSync(new URL('../../src/store/migrations/', import.meta.url), migrations, { recursive: true });
  const database = new DatabaseSync(':memory:');
  const url = pathToFileURL(`${migrations}/`);
  migrate(database, readMigrations(url));
  migrate(database, readMigrations(url));
  appendFileSync(join(migrations, '0001_key_versions.sql'), '-- edited\n');
  const error = t.throws(() => migrate(database, readMigrations(url)), { instanceOf: StrongroomError });
  t.is(error.innerCode, 'StoreSchemaChanged');
});

test('a schema step that fails leaves nothing of itself', (t) => {
  const database = new DatabaseSync(':memory:');
  const first = { number: 1, name: 'first', sql: 'CREATE TABLE one (a INTEGER)' };
  const broken = { number: 2, name: 'broken', sql: 'CREATE TABLE two (a INTEGER); CREATE TABLE one (a INTEGER)' };
  t.throws(() => migrate(database, [first, broken]));
  t.deepEqual(
    database
      .prepare("SELECT name FROM sqlite_schema WHERE name IN ('one', 'two')")
      .all()
      .map(({ name }) => name),
    ['one'],
  );
  t.is(database.prepare('SELECT count(*) AS count FROM migration').get()?.count, 1);
});

test('a file that is no database is refused without its path', async (t) => {
  const folder = await directory();
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'strongroom.db');
  appendFileSync(path, 'no database'.repeat(1_000));
  const error = await refused(t, SqliteStore.open(path), 'ServiceUnavailable', 'StoreNotOpened');
  t.false(error.message.includes(folder));
  t.true(readFileSync(path, 'utf8').startsWith('no database'));
});

test('the files of the store are for their owner alone', async (t) => {
  const folder = await directory();
  const path = join(folder, 'strongroom.db');
  const store = await SqliteStore.open(path);
  t.teardown(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  await store.addKeyVersion(keyVersion(), WIDE);
  for (const suffix of ['', '-wal', '-shm', '.lock']) t.is(statSync(path + suffix).mode & 0o777, 0o600, suffix);
});

test('a row that decodes to no key version is reported as tampered with', async (t) => {
  const folder = await directory();
  const path = join(folder, 'strongroom.db');
  const store = await SqliteStore.open(path);
  t.teardown(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const sealed = keyVersion();
  await store.addKeyVersion(sealed, WIDE);
  const database = new DatabaseSync(path);
  t.teardown(() => database.close());
  for (const [column, value] of [
    ['key_type', 'DSA-HSM'],
    ['curve', 'P-224'],
    ['key_size', 256],
    ['operations', '["sign","fly"]'],
    ['operations', '{}'],
    ['tags', '{"a":1}'],
    ['tags', '['],
    ['enabled', 2],
    ['custody', 'lost'],
    ['public_x', null],
    ['public_modulus', Buffer.alloc(1)],
  ] as const) {
    const before = database.prepare(`SELECT ${column} AS value FROM key_version`).get()?.value ?? null;
    database.prepare(`UPDATE key_version SET ${column} = ?`).run(value);
    await refused(t, store.findKeyVersion('orders', undefined), 'StoreTampered', undefined, column);
    database.prepare(`UPDATE key_version SET ${column} = ?`).run(before);
  }
  t.truthy(await store.findKeyVersion('orders', undefined));
});

test('many changes share transactions', async (t) => {
  const { store, remove } = await openTestStore();
  t.teardown(remove);
  const started = performance.now();
  const count = 2_000;
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      store.addKeyVersion(keyVersion({ name: `key-${index}` }), { keys: count, versionsPerKey: 1 }),
    ),
  );
  t.log(`${Math.round((count / (performance.now() - started)) * 1000)} key versions a second`);
  t.truthy(await store.findKeyVersion(`key-${count - 1}`, undefined));
});

test('closing waits for what was handed in', async (t) => {
  const { store, reopen, remove } = await openTestStore();
  t.teardown(remove);
  const writes = Array.from({ length: 200 }, (_, index) =>
    store.addKeyVersion(keyVersion({ name: `key-${index}` }), WIDE),
  );
  const again = await reopen();
  await Promise.all(writes);
  t.truthy(await again.findKeyVersion('key-199', undefined));
});
