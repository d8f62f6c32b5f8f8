import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { PostgresStore, type PostgresStoreOptions } from '../../src/store/postgres_store.ts';
import type { DocumentChange, KeyChange, Store } from '../../src/store/store.ts';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { refused } from '../fixtures/refused.ts';
import { TcpProxy } from '../fixtures/tcp_proxy.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';
import { type TestStore, testStoreContract } from './store_contract.ts';
import {
  document,
  documentChange,
  key,
  keyVersion,
  newKey,
  nextChange,
  plain,
  removal,
  WIDE,
} from './store_records.ts';

let server: PostgresServer;

const STEPS = readdirSync(new URL('../../src/store/migrations/postgres', import.meta.url)).length;

test.before(async () => {
  server = await openPostgresServer();
});

test.after.always(() => server?.close());

const openStore = (url: string, options: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> =>
  PostgresStore.open({ url, password: async () => server.password, ...options });

async function openTestStore(): Promise<TestStore> {
  const url = await server.createDatabase();
  let store = await openStore(url, { connections: 4 });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await openStore(url, { connections: 4 });
      return store;
    },
    remove: () => store.close(),
  };
}

// One after the other: dozens of stores at work on one database would keep each other beyond the time that a change may take.
testStoreContract(test.serial, 'PostgresStore', openTestStore);

interface Database {
  readonly url: string;
  readonly store: PostgresStore;
}

/** A database for one test, and a store over it that is closed with the test. */
async function openDatabase(t: ExecutionContext, options: Partial<PostgresStoreOptions> = {}): Promise<Database> {
  const url = await server.createDatabase();
  return { url, store: await openAnother(t, url, options) };
}

async function openAnother(
  t: ExecutionContext,
  url: string,
  options: Partial<PostgresStoreOptions> = {},
): Promise<PostgresStore> {
  const store = await openStore(url, options);
  t.teardown(() => store.close());
  return store;
}

/** Waits until it is so; asking is cheap. */
async function until(holds: () => boolean | Promise<boolean>, what: string, withinMs = 5_000): Promise<number> {
  const started = performance.now();
  while (!(await holds())) {
    if (performance.now() - started > withinMs) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await delay(10);
  }
  return performance.now() - started;
}

const BLOCKED = `SELECT pid FROM pg_stat_activity
  WHERE application_name = 'strongroom' AND datname = current_database() AND wait_event_type = 'Lock'`;
const isBlocked = async (url: string): Promise<boolean> => (await server.query(url, BLOCKED)).length > 0;

test.serial('of changes of one revision exactly one comes about, whichever server they come through', async (t) => {
  const { url, store } = await openDatabase(t);
  const other = await openAnother(t, url);
  const made = newKey('orders');
  await store.changeKey(made, WIDE);
  let before = made.key;
  for (let round = 0; round < 5; round++) {
    const changes = Array.from({ length: 24 }, () => nextChange(before, {}, keyVersion()));
    const results = await Promise.allSettled(
      changes.map((change, index) => (index % 2 === 0 ? store : other).changeKey(change, WIDE)),
    );
    const winners = changes.filter((_, index) => results[index]?.status === 'fulfilled');
    t.is(winners.length, 1);
    for (const result of results) {
      if (result.status === 'rejected') t.like(result.reason, { code: 'Conflict', innerCode: 'KeyChanged' });
    }
    before = (winners[0] as (typeof changes)[0]).key;
    t.deepEqual(plain((await other.findKeyVersion('orders', undefined))?.key), plain(before));
  }
  t.is((await store.listKeyVersions('orders', { after: undefined, limit: 100 })).length, 6);
});

test.serial('who tries again with what he finds comes through, however many there are', async (t) => {
  const { url, store } = await openDatabase(t);
  const other = await openAnother(t, url);
  await store.changeKey(newKey('orders'), WIDE);
  const change = async (through: Store): Promise<void> => {
    for (;;) {
      const found = await through.findKeyVersion('orders', undefined);
      if (found === undefined) throw new Error('The key is gone');
      try {
        await through.changeKey(nextChange(found.key, {}), WIDE);
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== 'Conflict') throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: 20 }, (_, index) => change(index % 2 === 0 ? store : other)));
  t.is((await store.findKeyVersion('orders', undefined))?.key.record.revision, 21);
});

test.serial('a change that the database undoes for the sake of another is done again', async (t) => {
  const { url, store } = await openDatabase(t);
  const made = newKey('orders');
  const rival = await server.session(url);
  await rival.query("BEGIN; UPDATE tally SET count = count WHERE subject = 'keys'");
  const change = store.changeKey(made, WIDE);
  await until(() => isBlocked(url), 'the change waits for the other one');
  // With this, PostgreSQL ends the change that waited with 40001.
  await rival.query('COMMIT');
  await change;
  await rival.end();
  t.deepEqual(plain(await store.findKeyVersion('orders', undefined)), plain({ key: made.key, version: made.version }));
  t.deepEqual(await server.query(url, 'SELECT count FROM tally'), [{ count: '1' }]);
});

test.serial('two servers count keys together, and stop at the limit', async (t) => {
  const { url, store } = await openDatabase(t);
  const other = await openAnother(t, url);
  const limits = { keys: 10, versionsPerKey: 100 };
  const results = await Promise.allSettled(
    Array.from({ length: 24 }, (_, index) =>
      (index % 2 === 0 ? store : other).changeKey(newKey(`key-${index}`), limits),
    ),
  );
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 10);
  for (const result of results) {
    if (result.status === 'rejected') t.like(result.reason, { code: 'BadParameter', innerCode: 'KeyLimitReached' });
  }
  t.is((await store.listKeys('active', { after: undefined, limit: 100 })).length, 10);
});

test.serial(
  'a session that is ended in the middle of a change leaves nothing of it, and the next change goes well',
  async (t) => {
    const { url, store } = await openDatabase(t);
    const made = newKey('orders');
    await store.changeKey(made, WIDE);
    const before = await store.findKeyVersion('orders', undefined);
    const version = keyVersion();
    const change = nextChange(made.key, {}, version);
    const rival = await server.session(url);
    // The row of the key is changed by then, and the intent is what the change waits for.
    await rival.query('BEGIN; LOCK TABLE intent IN ACCESS EXCLUSIVE MODE');
    const attempt = store.changeKey({ ...change, endedIntents: ['e'.repeat(32)] }, WIDE);
    await until(() => isBlocked(url), 'the change waits');
    await server.query(url, `SELECT pg_terminate_backend(pid) FROM (${BLOCKED}) AS blocked`);
    const error = await refused(t, attempt, 'ServiceUnavailable');
    t.false(error.message.includes('57P01'));
    await rival.query('ROLLBACK');
    await rival.end();
    t.deepEqual(plain(await store.findKeyVersion('orders', undefined)), plain(before));
    t.is((await store.findKeyVersion('orders', version.record.version))?.version, undefined);
    await store.changeKey(change, WIDE);
    t.deepEqual(plain((await store.findKeyVersion('orders', undefined))?.version), plain(version));
  },
);

test.serial('connections that are ended while nobody uses them are replaced without anybody’s noticing', async (t) => {
  const { url, store } = await openDatabase(t);
  await store.changeKey(newKey('orders'), WIDE);
  const sessions = "FROM pg_stat_activity WHERE application_name = 'strongroom' AND datname = current_database()";
  await server.query(url, `SELECT pg_terminate_backend(pid) ${sessions}`);
  await until(async () => (await server.query(url, `SELECT 1 ${sessions}`)).length === 0, 'all sessions are gone');
  await delay(50);
  t.truthy(await store.findKeyVersion('orders', undefined));
});

const COMMIT = Buffer.from('COMMIT');

for (const [fate, comesAbout] of [
  ['breakBefore', false],
  ['breakAfter', true],
] as const) {
  const what = comesAbout ? 'after the commit, before its answer' : 'before the commit has arrived';
  test.serial(
    `a connection that is lost ${what} leaves the outcome unknown, and what became of it is told`,
    async (t) => {
      const url = await server.createDatabase();
      const proxy = await TcpProxy.open(server.port);
      t.teardown(() => proxy.close());
      const viaProxy = new URL(url);
      viaProxy.port = String(proxy.port);
      const store = await openAnother(t, viaProxy.href);
      const made = newKey('orders');
      await store.changeKey(made, WIDE);
      const told: unknown[] = [];
      store.onKeysChanged((names) => told.push(names));
      const change = nextChange(made.key, {});
      proxy.judge((sent) => (sent.includes(COMMIT) ? fate : 'pass'));
      await refused(t, store.changeKey(change, WIDE), 'OutcomeUnknown');
      proxy.judge(() => 'pass');
      const found = await store.findKeyVersion('orders', undefined);
      t.deepEqual(plain(found?.key), plain(comesAbout ? change.key : made.key));
      // Ours, but nobody here has been told that it came about.
      if (comesAbout) await until(() => told.length > 0, 'the change is told', 1_000);
      // Asked again, it is refused or done, and is not done twice.
      if (comesAbout) await refused(t, store.changeKey(change, WIDE), 'Conflict', 'KeyChanged');
      else await t.notThrowsAsync(store.changeKey(change, WIDE));
      t.is((await store.findKeyVersion('orders', undefined))?.key.record.revision, 2);
    },
  );
}

test.serial(
  'a change of one server is told to the other within a second, and not to the one that made it',
  async (t) => {
    const { url, store } = await openDatabase(t);
    const other = await openAnother(t, url);
    const toldHere: unknown[] = [];
    const toldThere: string[] = [];
    store.onKeysChanged((names) => toldHere.push(names));
    other.onKeysChanged((names) => toldThere.push(...(names ?? ['everything'])));
    const made = newKey('orders');
    const changes: [string, KeyChange][] = [
      ['made', made],
      ['changed', nextChange(made.key, {})],
      ['removed', removal(nextChange(made.key, {}).key)],
    ];
    for (const [what, change] of changes) {
      toldThere.length = 0;
      await store.changeKey(change, WIDE);
      const ms = await until(() => toldThere.length > 0, `it is told that the key was ${what}`);
      t.true(ms <= 1_000, `${what}: ${ms} ms`);
      t.deepEqual(toldThere, ['orders']);
    }
    // Long enough for several looks: nothing is told twice.
    await delay(1_000);
    t.deepEqual([toldHere, toldThere], [[], ['orders']]);
  },
);

test.serial(
  'a change of a document is told to the other server by its collection, and not as one of a key',
  async (t) => {
    const { url, store } = await openDatabase(t);
    const other = await openAnother(t, url);
    const told: Record<'keys' | 'documents' | 'here', unknown[]> = { keys: [], documents: [], here: [] };
    other.onKeysChanged((names) => told.keys.push(names));
    other.onDocumentsChanged((collections) => told.documents.push(collections));
    store.onDocumentsChanged((collections) => told.here.push(collections));
    const changes: [string, DocumentChange][] = [
      ['added', documentChange(document())],
      ['replaced', documentChange(document({ revision: 2 }))],
      ['removed', { collection: 'setting', id: 'orders', expectedRevision: 2, document: undefined }],
    ];
    for (const [what, change] of changes) {
      told.documents.length = 0;
      await store.changeDocument(change);
      const ms = await until(() => told.documents.length > 0, `it is told that the document was ${what}`);
      t.true(ms <= 1_000, `${what}: ${ms} ms`);
      t.deepEqual(told.documents, [['setting']]);
    }
    await store.changeKey(newKey('orders'), WIDE);
    await until(() => told.keys.length > 0, 'the key is told');
    t.deepEqual(told, { keys: [['orders']], documents: [['setting']], here: [] });
  },
);

test.serial('a change that becomes visible long after its time is told all the same', async (t) => {
  const { url, store } = await openDatabase(t);
  const told: unknown[] = [];
  store.onKeysChanged((names) => told.push(names));
  const slow = await server.session(url);
  await slow.query(
    "BEGIN; INSERT INTO recent_change (collection, name, writer, changed_at) VALUES ('key', 'late', 'x', clock_timestamp())",
  );
  await server.query(
    url,
    "INSERT INTO recent_change (collection, name, writer, changed_at) VALUES ('key', 'early', 'x', clock_timestamp())",
  );
  await until(() => told.length === 1, 'the other one is told');
  await delay(1_000);
  await slow.query('COMMIT');
  await slow.end();
  t.true((await until(() => told.length === 2, 'the late one is told')) <= 1_000);
  t.deepEqual(told, [['early'], ['late']]);
});

test.serial(
  'while a database does not answer, everything is to be forgotten again and again, and once more when it answers',
  async (t) => {
    const url = await server.createDatabase();
    const proxy = await TcpProxy.open(server.port);
    const viaProxy = new URL(url);
    viaProxy.port = String(proxy.port);
    const store = await openAnother(t, viaProxy.href);
    const other = await openAnother(t, url);
    const told: unknown[] = [];
    store.onKeysChanged((names) => told.push(names));
    await other.changeKey(newKey('before'), WIDE);
    await until(() => told.length === 1, 'a change is told');
    proxy.fallSilent();
    t.true((await until(() => told.length > 1, 'it is told to forget')) <= 1_000);
    const soFar = told.length;
    t.true((await until(() => told.length > soFar, 'it is told again')) <= 1_000);
    t.deepEqual(told, [['before'], ...Array.from({ length: told.length - 1 }, () => undefined)]);
    proxy.speak();
    await other.changeKey(newKey('after'), WIDE);
    await until(
      () => told.some((names) => Array.isArray(names) && names.includes('after')) || told.length > soFar + 1,
      'it looks again',
    );
    await proxy.close();
  },
);

test.serial('who waits for a lock too long is refused, and nothing has changed', async (t) => {
  const { url, store } = await openDatabase(t);
  const rival = await server.session(url);
  await rival.query('BEGIN; LOCK TABLE key IN ACCESS EXCLUSIVE MODE');
  await refused(t, store.findKeyVersion('orders', undefined), 'ServiceUnavailable');
  await rival.query('ROLLBACK');
  await rival.end();
  t.is(await store.findKeyVersion('orders', undefined), undefined);
});

test.serial('servers that start together over an empty database all come up', async (t) => {
  const url = await server.createDatabase();
  const stores = await Promise.all(Array.from({ length: 4 }, () => openAnother(t, url, { connections: 2 })));
  await stores[0]?.changeKey(newKey('orders'), WIDE);
  for (const store of stores) t.truthy(await store.findKeyVersion('orders', undefined));
  t.is((await server.query(url, 'SELECT number FROM migration')).length, STEPS);
});

test.serial('a database of a newer version is refused', async (t) => {
  const { url } = await openDatabase(t);
  await server.query(url, `INSERT INTO migration SELECT ${STEPS + 1}, 'later', 'x', now()`);
  const error = await refused(t, openStore(url), 'ServiceUnavailable', 'StoreTooNew');
  t.true(error.message.includes(`schema ${STEPS + 1}`));
});

test.serial('a database that was made with another text of a step is refused', async (t) => {
  const { url } = await openDatabase(t);
  await server.query(url, "UPDATE migration SET sha256 = 'x'");
  await refused(t, openStore(url), 'ServiceUnavailable', 'StoreSchemaChanged');
});

test.serial('a wrong password, and a server that is not there, are told without the password', async (t) => {
  const url = await server.createDatabase();
  const nowhere = new URL(url);
  nowhere.port = '1';
  for (const [where, password] of [
    [url, 'not-the-password'],
    [nowhere.href, server.password],
  ] as const) {
    const attempt = openStore(where, { password: async () => password });
    const error = await refused(t, attempt, 'ServiceUnavailable', 'StoreNotOpened');
    t.true(error.cause instanceof Error);
    t.false([error.message, error.stack, String(error.cause), (error.cause as Error).stack].join().includes(password));
  }
});

test.serial('a column that a number cannot hold is refused, and not rounded', async (t) => {
  const { url, store } = await openDatabase(t);
  await store.changeKey({ ...newKey('orders'), key: key({ name: 'orders' }) }, WIDE);
  await server.query(url, 'UPDATE key SET revision = 9007199254740993');
  await refused(t, store.findKeyVersion('orders', undefined), 'StoreTampered');
});
