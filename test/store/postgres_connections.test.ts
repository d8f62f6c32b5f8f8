import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../../src/model/limits.ts';
import { postgresAddress } from '../../src/store/postgres_address.ts';
import { PostgresConnections } from '../../src/store/postgres_connections.ts';
import { PostgresPrimary } from '../../src/store/postgres_primary.ts';
import { openPostgresServer } from '../fixtures/postgres_server.ts';
import { refused } from '../fixtures/refused.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';

test('calls that wait for a connection are limited, one more is refused at once, and all that wait are answered', async (t) => {
  t.timeout(180_000);
  const server = await openPostgresServer();
  t.teardown(() => server.close());
  const url = await server.createDatabase();
  const primary = new PostgresPrimary({ address: postgresAddress(url), password: async () => server.password });
  t.teardown(() => primary.close());
  // Waits that no machine is too slow for: what is asked here is how many may wait, and not for how long.
  const patience = { connectTimeoutMs: 120_000, statementTimeoutMs: 120_000 };
  const connections = new PostgresConnections({ primary, connections: 1, ...patience });
  t.teardown(() => connections.close());
  const first = connections.read('SELECT pg_sleep(120)');
  const asleep = `FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;
  while ((await server.query(url, `SELECT pid ${asleep}`)).length === 0) await delay(20);
  const waiting = Array.from({ length: LIMITS.storeConnectionsWaiting }, (_, index) =>
    connections.read('SELECT $1::int AS turn', [index]),
  );
  await refused(t, connections.read('SELECT 1'), 'Throttled');
  t.is((await server.query(url, `SELECT pid ${asleep}`)).length, 1, 'it did not wait for the connection');
  await Promise.all([
    refused(t, first, 'ServiceUnavailable'),
    server.query(url, `SELECT pg_cancel_backend(pid) ${asleep}`),
  ]);
  const turns = (await Promise.all(waiting)).map(({ rows }) => rows[0]?.turn);
  t.deepEqual(turns, [...waiting.keys()]);
});
