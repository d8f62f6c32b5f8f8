import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Roles } from '../../src/access/roles.ts';
import type { BackupService } from '../../src/backup/backup_service.ts';
import { PoolEpoch } from '../../src/backup/pool_epoch.ts';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { PostgresStore } from '../../src/store/postgres_store.ts';
import { SealedDocuments } from '../../src/store/sealed_documents.ts';
import type { Store } from '../../src/store/store.ts';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestToken } from '../fixtures/softhsm_token.ts';
import { storeWith } from '../fixtures/store_with.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';
import { DIRECTORY, ended, folderOf, openBackups, openRoles } from './backup_pool.ts';

const P256 = { keyType: 'EC-HSM', curve: 'P-256' } as const;
const ALL = { after: undefined, limit: 1_000 };

/** One server of the pool: what a request that changes something goes through. */
interface PoolServer {
  readonly store: Store;
  readonly documents: SealedDocuments;
  readonly epoch: PoolEpoch;
  readonly engine: KeyEngine;
  readonly roles: Roles;
  readonly backups: BackupService;
  /** Its changes wait before the store has them, until they are let go. */
  hold(): () => void;
  close(): Promise<void>;
}

let postgres: PostgresServer;
let token: TestToken;
let directory: string;
let url: string;
let here: PoolServer;
let there: PoolServer;
let folder: string;

test.before(async () => {
  [postgres, token] = await Promise.all([openPostgresServer(), openTestToken()]);
  directory = await mkdtemp(join(tmpdir(), 'strongroom-backups-'));
  url = await postgres.createDatabase();
  here = await openServer('here');
  there = await openServer('there');
  await here.engine.createKey({ name: 'kept', spec: P256 });
  await here.engine.setSetting('AllowKeyManagementOperationsThroughARM', true);
  folder = folderOf(await ended(here.backups, here.backups.startBackup(DIRECTORY)));
});

test.after.always(async () => {
  await Promise.all([here?.close(), there?.close()]);
  await Promise.all([token?.close(), postgres?.close(), rm(directory, { recursive: true, force: true })]);
});

async function openServer(server: string): Promise<PoolServer> {
  const pool = await token.openPool({ hosts: 1 });
  const database = await PostgresStore.open({ url, password: async () => postgres.password });
  let gate = Promise.resolve();
  const store = storeWith(database, {
    changeKey: async (change, limits) => {
      await gate;
      await database.changeKey(change, limits);
    },
    changeDocument: async (change) => {
      if (change.epoch !== undefined) await gate;
      await database.changeDocument(change);
    },
  });
  const epoch = await PoolEpoch.open(store);
  const documents = new SealedDocuments(pool, store);
  const engine = await KeyEngine.open({ pool, store, epoch });
  const backups = await openBackups({ store, documents, pool, engine, epoch, directory }, { server });
  return {
    store,
    documents,
    epoch,
    engine,
    roles: await openRoles(documents.within(epoch)),
    backups,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = Promise.resolve();
        resolve();
      };
    },
    close: async () => {
      await backups.close();
      await engine.close();
      await database.close();
      await pool.close();
    },
  };
}

async function restore(): Promise<void> {
  await ended(here.backups, here.backups.startBackup(DIRECTORY));
  const job = await ended(here.backups, here.backups.startRestore({ location: DIRECTORY, folder }));
  if (job.state !== 'Succeeded') throw new Error(JSON.stringify(job.error));
}

const namesOf = async ({ store }: PoolServer) =>
  (await store.listWholeKeys(ALL)).map(({ key }) => `${key.record.name}: ${key.record.versions}`);

/** What a request would do through the server. */
const CHANGES: readonly [what: string, change: (server: PoolServer) => Promise<unknown>][] = [
  ['a key that is made', ({ engine }) => engine.createKey({ name: 'made', spec: P256 })],
  ['a new version of a key', ({ engine }) => engine.createKey({ name: 'kept', spec: P256 })],
  ['a key that is deleted', ({ engine }) => engine.deleteKey('kept')],
  ['a setting', ({ engine }) => engine.setSetting('AllowKeyManagementOperationsThroughARM', false)],
  [
    'a role assignment',
    ({ roles }) =>
      roles.addAssignment({
        id: randomUUID(),
        principalId: randomUUID(),
        roleDefinitionId: BUILT_IN_ROLE_IDS.cryptoUser,
        scope: '/keys/kept',
      }),
  ],
];

for (const [what, change] of CHANGES) {
  test.serial(`${what} through another server before a restore does not come after it`, async (t) => {
    const admitted = there.epoch.current;
    const letGo = there.hold();
    const changing = there.epoch.through(admitted, () => change(there));
    const refusal = refused(t, changing, 'Conflict', 'RestoreInProgress');
    await restore();
    letGo();
    await refusal;
    t.deepEqual(await namesOf(here), ['kept: 1']);
    t.like(await here.engine.listSettings(), [{ value: true }]);
    t.deepEqual((await openRoles(here.documents)).assignments, []);
    // As soon as the other server has heard of it, what comes is done.
    while (there.epoch.current === admitted) await delay(5);
    await refused(
      t,
      there.epoch.through(admitted, () => change(there)),
      'Conflict',
      'RestoreInProgress',
    );
    await there.epoch.through(there.epoch.current, () => change(there));
    await restore();
    while (there.epoch.current !== here.epoch.current) await delay(5);
  });
}

test.serial('a restore waits for what its own server is at, which it then replaces', async (t) => {
  await ended(here.backups, here.backups.startBackup(DIRECTORY));
  const letGo = here.hold();
  const making = here.epoch.through(here.epoch.current, () => here.engine.createKey({ name: 'late', spec: P256 }));
  const begun = await here.backups.startRestore({ location: DIRECTORY, folder });
  const before = await namesOf(here);
  await delay(200);
  t.is((await here.backups.restore(begun.id)).state, 'InProgress');
  t.deepEqual(await namesOf(here), before);
  letGo();
  t.is((await making).name, 'late');
  t.is((await ended(here.backups, Promise.resolve(begun))).state, 'Succeeded');
  t.deepEqual(await namesOf(here), ['kept: 1']);
});
