import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { KeyEngine } from '../../src/engine/key_engine.ts';
import { BUILT_IN_ROLE_IDS, builtInRoles } from '../../src/model/role.ts';
import type { Scope } from '../../src/model/scope.ts';
import { ROLE_TABLE } from '../access/role_table.ts';
import { openTestToken, type TestToken } from '../fixtures/softhsm_token.ts';
import { type Reply, TestServer } from './test_server.ts';

let token: TestToken;
let engine: KeyEngine;
let server: TestServer;
let now = Date.UTC(2026, 0, 1);

test.before(async () => {
  token = await openTestToken();
  engine = (await token.openEngine({ clock: () => now })).engine;
  // The last administrator stays, so somebody else is one.
  const other = { principalId: randomUUID(), roleDefinitionId: BUILT_IN_ROLE_IDS.administrator, scope: '/' } as const;
  server = await TestServer.open(() => [other], {}, undefined, undefined, engine);
});

test.after.always(async () => {
  await server?.server.close();
  await token?.close();
});

const STATES = ['active', 'disabled', 'expired', 'deleted', 'missing'] as const;
type State = (typeof STATES)[number];

/** Keys in each state, made anew for whoever may change them. */
async function makeKeys(prefix: string): Promise<Record<State, string>> {
  const names = Object.fromEntries(STATES.map((state) => [state, `${prefix}-${state}`])) as Record<State, string>;
  const spec = { keyType: 'EC-HSM', curve: 'P-256' } as const;
  const second = Math.floor(now / 1000);
  await engine.createKey({ name: names.active, spec });
  await engine.createKey({ name: names.disabled, spec, enabled: false });
  await engine.createKey({ name: names.expired, spec, expires: second + 60 });
  await engine.createKey({ name: names.deleted, spec });
  await engine.deleteKey(names.deleted);
  now += 3_600_000;
  return names;
}

const VALUE = { alg: 'A256KW', value: 'AQID' };
/** What is asked of one key. Bodies that would change something are broken: they are not looked at before the caller's roles are. */
const REQUESTS: readonly [action: string, method: string, path: (key: string) => string, body?: object][] = [
  ['keys/read/action', 'GET', (key) => `/keys/${key}`],
  ['keys/read/action', 'GET', (key) => `/keys/${key}/versions`],
  ['keys/read/action', 'GET', (key) => `/keys/${key}/rotationpolicy`],
  ['keys/write/action', 'PATCH', (key) => `/keys/${key}`, { key_ops: 1 }],
  ['keys/create', 'POST', (key) => `/keys/${key}/create`, { kty: 1 }],
  ['keys/import/action', 'PUT', (key) => `/keys/${key}`, { key: 1 }],
  ['keys/sign/action', 'POST', (key) => `/keys/${key}/sign`, { alg: 'ES256', value: 'AQID' }],
  ['keys/verify/action', 'POST', (key) => `/keys/${key}/verify`, { alg: 'ES256', digest: 'AQ', value: 'AQ' }],
  ['keys/encrypt/action', 'POST', (key) => `/keys/${key}/encrypt`, VALUE],
  ['keys/decrypt/action', 'POST', (key) => `/keys/${key}/decrypt`, VALUE],
  ['keys/wrap/action', 'POST', (key) => `/keys/${key}/wrapkey`, VALUE],
  ['keys/unwrap/action', 'POST', (key) => `/keys/${key}/unwrapkey`, VALUE],
  ['keys/release/action', 'POST', (key) => `/keys/${key}/release`, { target: 't' }],
  ['keys/backup/action', 'POST', (key) => `/keys/${key}/backup`],
  ['keys/deletedKeys/read/action', 'GET', (key) => `/deletedkeys/${key}`],
  ['keys/rotate/action', 'POST', (key) => `/keys/${key}/rotate`],
  ['keys/delete', 'DELETE', (key) => `/keys/${key}`],
  ['keys/deletedKeys/recover/action', 'POST', (key) => `/deletedkeys/${key}/recover`],
  ['keys/deletedKeys/delete', 'DELETE', (key) => `/deletedkeys/${key}`],
  ['roleAssignments/read/action', 'GET', (key) => `/keys/${key}/providers/Microsoft.Authorization/roleAssignments`],
];

function ask(method: string, path: string, body: object | undefined): Promise<Reply> {
  const url = `${path}?api-version=2026-04-01`;
  return body === undefined ? server.request(url, { method }) : server.send(method, url, body);
}

/** Everything of an answer that is not of this request alone. */
const seen = ({ status, json }: Reply, key: string): string =>
  JSON.stringify([status, json.error?.code, json.error?.message.replace(/\(Activity ID: .*/, '')]).replaceAll(
    key,
    'KEY',
  );

let made = 0;
for (const [id, { name }] of builtInRoles({ cryptoUserMayDelete: false })) {
  test.serial(
    `${name}: what the table says decides before the state of a key does, and who may not learns nothing of it`,
    async (t) => {
      for (const kind of ['pool', 'keys', 'key', 'other'] as const) {
        made += 1;
        const keys = await makeKeys(`m${made}`);
        for (const state of STATES) {
          const key = keys[state];
          const scope = ({ pool: '/', keys: '/keys', key: `/keys/${key}`, other: `/keys/${key}x` } as const)[
            kind
          ] as Scope;
          const assignment = randomUUID();
          await server.roles.addAssignment({
            id: assignment,
            principalId: server.objectId,
            roleDefinitionId: id,
            scope,
          });
          for (const [action, method, path, body] of REQUESTS) {
            const reply = await ask(method, path(key), body);
            const what = `${action} on a key that is ${state}, role at ${scope}: ${reply.status}`;
            const isDenied = reply.status === 403 && reply.json.error?.code === 'AccessDenied';
            const expected = kind !== 'other' && ROLE_TABLE[id]?.includes(action) === true;
            t.is(!isDenied, expected, what);
            const refusal = [
              403,
              'AccessDenied',
              `Not authorized to access Microsoft.KeyVault/managedHsm/${action} on /keys/KEY `,
            ];
            if (isDenied) t.is(seen(reply, key), JSON.stringify(refusal), what);
          }
          await server.roles.removeAssignment(scope, assignment);
        }
      }
    },
  );
}
