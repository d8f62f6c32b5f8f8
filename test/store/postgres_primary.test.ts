import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { PostgresAuditTable } from '../../src/store/postgres_audit_table.ts';
import { PostgresStore } from '../../src/store/postgres_store.ts';
import { PostgresPair } from '../fixtures/postgres_pair.ts';
import { refused } from '../fixtures/refused.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';
import { newKey, WIDE } from './store_records.ts';

interface Opened {
  readonly pair: PostgresPair;
  readonly url: string;
  readonly store: PostgresStore;
}

async function open(t: ExecutionContext): Promise<Opened> {
  t.timeout(180_000);
  const pair = await PostgresPair.open();
  t.teardown(() => pair.close());
  const url = await pair.createDatabase();
  return { pair, url, store: await openStore(t, pair, url) };
}

async function openStore(t: ExecutionContext, pair: PostgresPair, url: string): Promise<PostgresStore> {
  const store = await PostgresStore.open({ url, password: async () => pair.password });
  t.teardown(() => store.close());
  return store;
}

/** Tries again as a caller does who is told that the store cannot be reached. */
async function make(store: PostgresStore, name: string): Promise<void> {
  const made = newKey(name);
  for (;;) {
    try {
      await store.changeKey(made, WIDE);
      return;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'ServiceUnavailable' && code !== 'OutcomeUnknown') throw error;
      if (code === 'OutcomeUnknown' && (await isThere(store, name))) return;
      await delay(50);
    }
  }
}

async function isThere(store: PostgresStore, name: string): Promise<boolean> {
  for (;;) {
    try {
      return (await store.findKeyVersion(name, undefined)) !== undefined;
    } catch {
      await delay(50);
    }
  }
}

const namesAt = async (pair: PostgresPair, url: string): Promise<unknown[]> => {
  const rows = await pair.primary.query('SELECT name FROM key ORDER BY name', url.split('/').at(-1));
  return rows.map(({ name }) => name);
};

test.serial(
  'the store finds the primary among its hosts, and its standby when that is promoted after it',
  async (t) => {
    const { pair, url, store } = await open(t);
    await make(store, 'before');
    await pair.primary.kill();
    const change = make(store, 'meanwhile');
    await pair.promote();
    await change;
    t.true(await isThere(store, 'before'));
    t.deepEqual(await namesAt(pair, url), ['before', 'meanwhile']);
    await pair.rejoin();
    const other = await openStore(t, pair, url);
    await make(other, 'after');
    t.true(await isThere(store, 'after'));
  },
);

for (const [what, leave, comeBack] of [
  ['stopped', (pair: PostgresPair) => pair.primary.stop(), (pair: PostgresPair) => pair.standby.continue()],
  [
    'cut off',
    (pair: PostgresPair) => pair.proxyOf(pair.primary).fallSilent(),
    (pair: PostgresPair) => pair.proxyOf(pair.standby).speak(),
  ],
] as const) {
  test.serial(
    `a primary that is ${what} is left for its promoted standby, and gets nothing when it comes back`,
    async (t) => {
      const { pair, url, store } = await open(t);
      const told: unknown[] = [];
      store.onKeysChanged((names) => told.push(names));
      await make(store, 'before');
      leave(pair);
      const change = make(store, 'meanwhile');
      await pair.promote();
      await change;
      comeBack(pair);
      // Time enough for it to be asked what it is, and to be taken for the primary.
      await delay(1_500);
      for (let round = 0; round < 20; round++) await make(store, `after-${round}`);
      const names = await namesAt(pair, url);
      t.is(names.length, 22);
      const rows = await pair.standby.query(`SELECT name FROM key WHERE name LIKE 'after%'`, url.split('/').at(-1));
      t.deepEqual(rows, []);
      // Whoever makes a change at the new primary is heard by those who have moved there.
      const other = await openStore(t, pair, url);
      await make(other, 'from-another');
      while (!told.some((each) => Array.isArray(each) && each.includes('from-another'))) await delay(20);
      t.true(await isThere(store, 'from-another'));
    },
  );
}

test.serial('a store that is opened while a former primary is there takes the later one', async (t) => {
  const { pair, url, store } = await open(t);
  await make(store, 'before');
  await store.close();
  await pair.promote();
  const opened = await openStore(t, pair, url);
  await make(opened, 'after');
  t.deepEqual(await namesAt(pair, url), ['after', 'before']);
});

test.serial('two servers of which none follows the other are no store', async (t) => {
  const { pair, url } = await open(t);
  const other = await PostgresPair.open();
  t.teardown(() => other.close());
  await other.createDatabase();
  await other.primary.query(`ALTER ROLE strongroom PASSWORD '${pair.password}'`);
  const strange = url.replace(/@[^/]*/, `@127.0.0.1:${pair.primary.port},127.0.0.1:${other.primary.port}`);
  const opening = PostgresStore.open({ url: strange, password: async () => pair.password });
  await refused(t, opening, 'ServiceUnavailable', 'StoreNotOpened');
});

test.serial('a program that asks one question goes on until it is answered, and ends then', async (t) => {
  const { pair, url } = await open(t);
  const table = new URL('../../src/store/postgres_audit_table.ts', import.meta.url).href;
  const program = `const { PostgresAuditTable } = await import('${table}');
    const { QUESTION_URL: url, QUESTION_PASSWORD: password } = process.env;
    const table = new PostgresAuditTable({ url, password: async () => password });
    console.log(JSON.stringify(await table.listChains()));
    if (process.argv.includes('close')) await table.close();`;
  const env = { QUESTION_URL: url, QUESTION_PASSWORD: pair.password };
  for (const closes of ['close', 'leave']) {
    const args = ['--input-type=module', '--eval', program, closes];
    t.is((await promisify(execFile)(process.execPath, args, { env })).stdout, '[]\n', closes);
  }
});

/** The primary goes on without its standby in what it commits meanwhile, and whoever waits for that is told that it is in doubt. */
async function refusedWithoutStandby(
  t: ExecutionContext,
  { primary }: PostgresPair,
  change: Promise<unknown>,
): Promise<void> {
  const cancel = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;
  let isWaiting = true;
  const outcome = refused(t, change, 'OutcomeUnknown').finally(() => {
    isWaiting = false;
  });
  while (isWaiting) {
    // On a busy machine the answer may be late; what was asked for happens all the same.
    await primary.query(cancel).catch(() => undefined);
    await delay(20);
  }
  await outcome;
}

test.serial('when a change in doubt has come about, or cannot any more, everybody asks anew', async (t) => {
  const { pair, url, store } = await open(t);
  const other = await openStore(t, pair, url);
  const told: unknown[] = [];
  const toldThere: unknown[] = [];
  store.onKeysChanged((names) => told.push(names));
  other.onKeysChanged((names) => toldThere.push(names));
  await make(store, 'before');
  pair.standby.stop();
  await refused(t, store.changeKey(newKey('waiting'), WIDE), 'OutcomeUnknown');
  t.is(await other.findKeyVersion('waiting', undefined), undefined, 'it waits');
  t.false(toldThere.includes(undefined));
  pair.standby.continue();
  while (!told.includes(undefined) || !toldThere.includes(undefined)) await delay(20);
  t.truthy(await other.findKeyVersion('waiting', undefined));
});

test.serial('what is confirmed has its standby, and without one it is refused', async (t) => {
  const { pair, store } = await open(t);
  await make(store, 'before');
  await t.notThrowsAsync(store.confirm());
  pair.standby.stop();
  await refusedWithoutStandby(t, pair, store.confirm());
  pair.standby.continue();
  await t.notThrowsAsync(store.confirm());
});

test.serial(
  'lines of an audit log whose commit was in doubt are taken when the standby has them, and not before',
  async (t) => {
    const { pair, url } = await open(t);
    const table = new PostgresAuditTable({ url, password: async () => pair.password });
    t.teardown(() => table.close());
    const lines = { chain: 'chain', place: 'place', writer: 'writer', part: 1, first: 1, lines: ['one', 'two'] };
    pair.standby.stop();
    await refusedWithoutStandby(t, pair, table.add(lines));
    t.is((await table.readLines('chain', 1, 0, 10)).length, 2, 'the primary has them, and nobody else');
    await refusedWithoutStandby(t, pair, table.add(lines));
    pair.standby.continue();
    await table.add(lines);
    t.deepEqual(await table.readLines('chain', 1, 0, 10), ['one', 'two']);
  },
);
