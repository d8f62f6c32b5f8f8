import { DatabaseError } from 'pg';
import { askStanding } from '../../src/store/postgres_standing.ts';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';

let server: PostgresServer;

test.before(async () => {
  server = await openPostgresServer();
});

test.after.always(() => server?.close());

test('a server says to whoever may only log in that it takes changes, and in which term', async (t) => {
  const url = await server.createDatabase();
  const session = await server.session(url);
  t.teardown(() => session.end());
  await session.query('CREATE ROLE plain; SET ROLE plain');
  const ask = async (text: string) => (await session.query<Record<string, unknown>>(text)).rows[0];
  const { term, ...standing } = await askStanding(ask);
  t.deepEqual(standing, { standsBy: false, takesChanges: true });
  t.regex(term?.system ?? '', /^\d{10,20}$/);
  t.is(term?.timeline, 1);
  t.deepEqual((await askStanding(ask)).term, term);
  await session.query('SET default_transaction_read_only = on');
  t.like(await askStanding(ask), { standsBy: false, takesChanges: false, term });
});

test('of a product without timelines it is known whether it takes changes, and no term', async (t) => {
  for (const [read_only, takesChanges] of [
    ['off', true],
    ['on', false],
  ] as const) {
    const standing = await askStanding(async (text) => {
      if (text === 'SHOW transaction_read_only') return { transaction_read_only: read_only };
      const unknown = new DatabaseError('unknown function: pg_walfile_name()', 0, 'error');
      unknown.code = '42883';
      throw unknown;
    });
    t.deepEqual(standing, { standsBy: !takesChanges, takesChanges, term: undefined });
  }
});

test('a server that refuses the question is not taken for one without timelines', async (t) => {
  const denied = new DatabaseError('permission denied for function pg_control_system', 0, 'error');
  denied.code = '42501';
  const asking = askStanding(async () => {
    throw denied;
  });
  t.is(await t.throwsAsync(asking), denied);
});
