import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { RoleAssignment } from '../../src/access/role_assignment.ts';
import { Roles } from '../../src/access/roles.ts';
import type { StrongroomError } from '../../src/model/errors.ts';
import { BUILT_IN_ROLE_IDS, builtInRoles, type DataAction } from '../../src/model/role.ts';
import { PostgresStore } from '../../src/store/postgres_store.ts';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { TcpProxy } from '../fixtures/tcp_proxy.ts';
import { testDocuments } from '../fixtures/test_documents.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';

const SIGN: DataAction = 'Microsoft.KeyVault/managedHsm/keys/sign/action';
let server: PostgresServer;

test.before(async () => {
  server = await openPostgresServer();
});

test.after.always(() => server?.close());

async function open(t: ExecutionContext, url: string): Promise<Roles> {
  const store = await PostgresStore.open({ url, password: async () => server.password, connections: 3 });
  t.teardown(() => store.close());
  const builtIn = builtInRoles({ cryptoUserMayDelete: false });
  return Roles.open({ documents: testDocuments(store), builtIn, onTrouble: () => undefined });
}

const assignment = (): RoleAssignment => ({
  id: randomUUID(),
  principalId: randomUUID(),
  roleDefinitionId: BUILT_IN_ROLE_IDS.cryptoUser,
  scope: '/keys',
});

/** What the roles say of the principal: allowed, denied, or why nobody is let in. */
function decision({ authorizer }: Roles, objectId: string): boolean | string | undefined {
  try {
    return authorizer.allows({ objectId, groups: [], tenantId: 't', applicationId: undefined }, SIGN, '/keys/k1');
  } catch (error) {
    return (error as StrongroomError).innerCode;
  }
}

async function until(holds: () => boolean, what: string, withinMs = 10_000): Promise<number> {
  const started = performance.now();
  while (!holds()) {
    if (performance.now() - started > withinMs) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await delay(5);
  }
  return performance.now() - started;
}

test.serial('what one server assigns or takes back decides at the other, within about a second', async (t) => {
  const url = await server.createDatabase();
  const [here, there] = [await open(t, url), await open(t, url)];
  const added = assignment();
  t.is(decision(there, added.principalId), false);
  await here.addAssignment(added);
  const given = await until(() => decision(there, added.principalId) === true, 'it is known');
  await here.removeAssignment('/keys', added.id);
  const taken = await until(() => decision(there, added.principalId) === false, 'that it is gone is known');
  t.log(`given after ${Math.round(given)} ms, taken after ${Math.round(taken)} ms`);
  const both = await Promise.allSettled([here, there].map((roles) => roles.addAssignment(added)));
  t.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test.serial('a server that cannot ask the database lets nobody in, and everybody again when it can', async (t) => {
  const url = await server.createDatabase();
  const proxy = await TcpProxy.open(server.port);
  t.teardown(() => proxy.close());
  const viaProxy = new URL(url);
  viaProxy.port = String(proxy.port);
  const [roles, other] = [await open(t, viaProxy.href), await open(t, url)];
  const added = assignment();
  await roles.addAssignment(added);
  proxy.fallSilent();
  await other.removeAssignment('/keys', added.id);
  const shut = await until(() => decision(roles, added.principalId) === 'RolesUnreadable', 'nobody is let in');
  t.log(`shut after ${Math.round(shut)} ms`);
  proxy.speak();
  await until(() => typeof decision(roles, added.principalId) === 'boolean', 'it knows again what is granted', 20_000);
  t.is(decision(roles, added.principalId), false, 'what was taken back meanwhile');
});
