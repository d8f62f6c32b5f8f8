import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { PostgresStore } from '../../src/store/postgres_store.ts';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { refused } from '../fixtures/refused.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';
import { newKey, plain, WIDE } from './store_records.ts';

interface Opened {
  readonly server: PostgresServer;
  readonly url: string;
  readonly store: PostgresStore;
}

/** A server of its own, because what is set there is set for all of its databases. */
async function open(t: ExecutionContext): Promise<Opened> {
  t.timeout(120_000);
  const server = await openPostgresServer();
  t.teardown(() => server.close());
  const url = await server.createDatabase();
  const store = await PostgresStore.open({ url, password: async () => server.password });
  t.teardown(() => store.close());
  return { server, url, store };
}

async function set({ server, url }: Opened, name: string, value: string): Promise<void> {
  await server.query(url, `ALTER SYSTEM SET ${name} = '${value}'`);
  await server.query(url, 'SELECT pg_reload_conf()');
}

test.serial('a change whose wait for a standby is cancelled has an unknown outcome', async (t) => {
  const opened = await open(t);
  const { server, url, store } = opened;
  const before = newKey('before');
  await store.changeKey(before, WIDE);
  await set(opened, 'synchronous_standby_names', 'absent');
  const made = newKey('orders');
  const refusal = refused(t, store.changeKey(made, WIDE), 'OutcomeUnknown');
  const waiting = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;
  while ((await server.query(url, waiting)).length === 0) await delay(20);
  await refusal;
  await set(opened, 'synchronous_standby_names', '');
  t.deepEqual(
    plain((await store.findKeyVersion('orders', undefined))?.key),
    plain(made.key),
    'it is here all the same',
  );
});

test.serial('a change that meets a database to read from is done again over another connection', async (t) => {
  const opened = await open(t);
  const { server, url, store } = opened;
  await store.changeKey(newKey('before'), WIDE);
  const sessions = `SELECT pid FROM pg_stat_activity WHERE application_name = 'strongroom' AND query <> '' ORDER BY pid`;
  const before = (await server.query(url, sessions)).map(({ pid }) => pid);
  await set(opened, 'default_transaction_read_only', 'on');
  const made = newKey('orders');
  const change = store.changeKey(made, WIDE);
  const isGivenUp = async (): Promise<boolean> => {
    const now = (await server.query(url, sessions)).map(({ pid }) => pid);
    return before.every((pid) => !now.includes(pid));
  };
  while (!(await isGivenUp())) await delay(20);
  const session = await server.session(url);
  t.teardown(() => session.end());
  await session.query('SET default_transaction_read_only = off');
  await session.query('ALTER SYSTEM RESET default_transaction_read_only');
  await session.query('SELECT pg_reload_conf()');
  await t.notThrowsAsync(change);
  t.deepEqual(plain((await store.findKeyVersion('orders', undefined))?.key), plain(made.key));
});
