import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';
import { DomainSource, uploadEnd, WAITS } from './domain_source.ts';
import { RunningServer } from './running_server.ts';

let postgres: PostgresServer;
let directory: string;
let source: DomainSource;

test.before(async () => {
  postgres = await openPostgresServer();
  directory = mkdtempSync(join(tmpdir(), 'strongroom-recovery-'));
  writeFileSync(join(directory, 'password'), `${postgres.password}\n`, { mode: 0o600 });
  source = await DomainSource.make();
});

test.after.always(async () => {
  await postgres?.close();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

async function startOverPostgres(): Promise<{ server: RunningServer; url: string }> {
  const url = await postgres.createDatabase();
  const place = { STRONGROOM_STORE_URL: url, STRONGROOM_STORE_PASSWORD_FILE: join(directory, 'password') };
  return { server: await RunningServer.start({ ...WAITS, ...place }), url };
}

test.serial(
  'an HSM over PostgreSQL takes the domain of another by upload, and has it after the next start',
  async (t) => {
    const { server } = await startOverPostgres();
    t.teardown(() => server.remove());
    t.is((await server.get('/keys')).json.error?.innererror?.code, 'HsmNotActivated');
    t.is((await server.post('/securitydomain/upload', { value: await source.blobFor(server) })).status, 202);
    t.is(await uploadEnd(server), 'Success');
    t.is((await server.post('/keys/orders/create', { kty: 'oct-HSM', key_size: 256 })).status, 200);
    t.true(await source.isDomainOf(server), server.output);
    await server.stop();
    t.false(existsSync(join(server.dataDir, 'recovery.json')));
    await server.restart();
    t.is((await server.get('/keys/orders')).status, 200);
    t.is((await server.get('/securitydomain/upload')).json.error?.innererror?.code, 'HsmActivated');
  },
);

test.serial(
  'a server over PostgreSQL that is killed in a recovery has the one pool or the other afterwards',
  async (t) => {
    const { server, url } = await startOverPostgres();
    t.teardown(() => server.remove());
    const isTaken = async (): Promise<boolean> =>
      (await postgres.query(url, `SELECT 1 FROM document WHERE collection = 'security_domain'`)).length > 0;
    const recovery = join(server.dataDir, 'recovery.json');
    for (const hasCome of [async () => existsSync(recovery), isTaken]) {
      t.is((await server.post('/securitydomain/upload', { value: await source.blobFor(server) })).status, 202);
      while (!(await hasCome()) && !(await isTaken())) await pause(1);
      await server.stop('SIGKILL');
      const wasTaken = await isTaken();
      t.log(wasTaken ? 'the store has taken it' : 'the store has not taken it');
      await server.restart();
      t.false(existsSync(recovery));
      const { json } = await server.get('/keys');
      t.is(json.error === undefined, wasTaken, JSON.stringify(json));
      if (wasTaken) break;
      t.is(json.error?.innererror?.code, 'HsmNotActivated');
    }
    t.true(await source.isDomainOf(server));
  },
);
