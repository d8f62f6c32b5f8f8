import test from 'ava';
import {
  BUILT_IN_ROLE_IDS,
  builtInRoles,
  type DataAction,
  grantedActions,
  type RoleDefinition,
} from '../../src/model/role.ts';
import type { Scope } from '../../src/model/scope.ts';
import { ROUTES } from '../../src/server/routes.ts';
import { certificateJwk } from '../security_domain/certificate_jwk.ts';
import { newCustodian } from '../security_domain/custodians.ts';
import { VERSION } from './fake_engine.ts';
import { type Reply, TestServer } from './test_server.ts';

const roles = [...builtInRoles({ cryptoUserMayDelete: false }).values()];
const servers = new Map<RoleDefinition, TestServer>();
for (const role of roles) servers.set(role, await openAt(role, '/'));
const nobody = await TestServer.open(() => []);
const allOfOneKey = await TestServer.open((principalId) =>
  roles.map(({ id }) => ({ principalId, roleDefinitionId: id, scope: '/keys/k1' })),
);
const allKeys = await TestServer.open((principalId) =>
  roles.map(({ id }) => ({ principalId, roleDefinitionId: id, scope: '/keys' })),
);
test.after.always(() =>
  Promise.all([...servers.values(), nobody, allOfOneKey, allKeys].map(({ server }) => server.close())),
);

function openAt({ id }: RoleDefinition, scope: Scope): Promise<TestServer> {
  return TestServer.open((principalId) => [{ principalId, roleDefinitionId: id, scope }]);
}

const VALUE = { alg: 'A256KW', value: 'AQID' };
const CERTIFICATES = {
  certificates: ['anna', 'ben', 'carla'].map((name) => certificateJwk(newCustodian(name).certificate)),
};
const KEY: Scope = '/keys/k1';
const LOCATION = { storageResourceUri: 'https://storage.example/container', token: 'sig=secret' };
const JOB = 'f'.repeat(32);

const DEFINITIONS = '/providers/Microsoft.Authorization/roleDefinitions';
const ASSIGNMENTS = '/providers/Microsoft.Authorization/roleAssignments';
const SCOPED: readonly [prefix: string, scope: Scope][] = [
  ['', '/'],
  ['/keys', '/keys'],
  ['/keys/k1', KEY],
];
const ADMINISTRATOR = BUILT_IN_ROLE_IDS.administrator;
const NEW = '00000000-0000-4000-8000-000000000001';
const NEW_ASSIGNMENT = {
  properties: {
    roleDefinitionId: `Microsoft.KeyVault${DEFINITIONS}/${ADMINISTRATOR}`,
    principalId: '00000000-0000-4000-8000-000000000002',
  },
};
/** Not at every server is it there, or is it free: then the one who may is told so, and nobody else. */
const MAY_BE_OTHERWISE = new RegExp(`/${NEW}$`);

/** Every request that the service knows, what it asks the caller's roles for, and where. */
const ROWS: readonly [method: string, path: string, body: object | undefined, action: string, scope: Scope][] = [
  ['POST', '/keys/k1/create', { kty: 'EC' }, 'keys/create', KEY],
  ['PUT', '/keys/k1', { key: { kty: 'oct', k: 'AQID' } }, 'keys/import/action', KEY],
  ['GET', '/keys/k1', undefined, 'keys/read/action', KEY],
  ['GET', `/keys/k1/${VERSION}`, undefined, 'keys/read/action', KEY],
  ['PATCH', '/keys/k1', {}, 'keys/write/action', KEY],
  ['PATCH', `/keys/k1/${VERSION}`, {}, 'keys/write/action', KEY],
  ['DELETE', '/keys/k1', undefined, 'keys/delete', KEY],
  ['POST', '/securitydomain/download', CERTIFICATES, 'securitydomain/download/action', '/'],
  ['GET', '/securitydomain/download/pending', undefined, 'securitydomain/download/read', '/'],
  ['POST', '/securitydomain/upload', { value: '{}' }, 'securitydomain/upload/action', '/'],
  ['GET', '/securitydomain/upload', undefined, 'securitydomain/transferkey/read', '/'],
  ['GET', '/securitydomain/upload/pending', undefined, 'securitydomain/upload/read', '/'],
  ['GET', '/keys', undefined, 'keys/read/action', '/keys'],
  ['GET', '/keys/k1/versions', undefined, 'keys/read/action', KEY],
  ['POST', '/keys/k1/rotate', undefined, 'keys/rotate/action', KEY],
  ['GET', '/keys/k1/rotationpolicy', undefined, 'keys/read/action', KEY],
  ['PUT', '/keys/k1/rotationpolicy', {}, 'keys/write/action', KEY],
  ['POST', '/keys/k1/backup', undefined, 'keys/backup/action', KEY],
  ['POST', '/keys/restore', { value: 'AQID' }, 'keys/restore/action', '/keys'],
  ['GET', '/keys/k1/attestation', undefined, 'keys/read/action', KEY],
  ['GET', `/keys/k1/${VERSION}/attestation`, undefined, 'keys/read/action', KEY],
  ['GET', '/deletedkeys', undefined, 'keys/deletedKeys/read/action', '/keys'],
  ['GET', '/deletedkeys/k1', undefined, 'keys/deletedKeys/read/action', KEY],
  ['POST', '/deletedkeys/k1/recover', undefined, 'keys/deletedKeys/recover/action', KEY],
  ['DELETE', '/deletedkeys/k1', undefined, 'keys/deletedKeys/delete', KEY],
  ...['', `/${VERSION}`].flatMap((version): typeof ROWS => [
    ['POST', `/keys/k1${version}/sign`, { alg: 'ES256', value: 'AQID' }, 'keys/sign/action', KEY],
    ['POST', `/keys/k1${version}/verify`, { alg: 'ES256', digest: 'AQ', value: 'AQ' }, 'keys/verify/action', KEY],
    ['POST', `/keys/k1${version}/encrypt`, { alg: 'A256GCM', value: 'AQID' }, 'keys/encrypt/action', KEY],
    ['POST', `/keys/k1${version}/decrypt`, { alg: 'A256GCM', value: 'AQID' }, 'keys/decrypt/action', KEY],
    ['POST', `/keys/k1${version}/wrapkey`, VALUE, 'keys/wrap/action', KEY],
    ['POST', `/keys/k1${version}/unwrapkey`, VALUE, 'keys/unwrap/action', KEY],
    ['POST', `/keys/k1${version}/securewrapkey`, { alg: 'A256KW' }, 'keys/wrap/action', KEY],
    ['POST', `/keys/k1${version}/secureunwrapkey`, { ...VALUE, target: 't' }, 'keys/unwrap/action', KEY],
    ['POST', `/keys/k1${version}/release`, { target: 't' }, 'keys/release/action', KEY],
  ]),
  ...SCOPED.flatMap(([prefix, scope]): typeof ROWS => [
    ['GET', `${prefix}${DEFINITIONS}`, undefined, 'roleDefinitions/read/action', scope],
    ['GET', `${prefix}${DEFINITIONS}/${ADMINISTRATOR}`, undefined, 'roleDefinitions/read/action', scope],
    ['GET', `${prefix}${ASSIGNMENTS}`, undefined, 'roleAssignments/read/action', scope],
    ['GET', `${prefix}${ASSIGNMENTS}/${NEW}`, undefined, 'roleAssignments/read/action', scope],
    ['PUT', `${prefix}${ASSIGNMENTS}/${NEW}`, NEW_ASSIGNMENT, 'roleAssignments/write/action', scope],
    ['DELETE', `${prefix}${ASSIGNMENTS}/${NEW}`, undefined, 'roleAssignments/delete/action', scope],
  ]),
  ...['', '/keys'].flatMap((prefix): typeof ROWS => [
    ['PUT', `${prefix}${DEFINITIONS}/${NEW}`, { properties: {} }, 'roleDefinitions/write/action', '/'],
    ['DELETE', `${prefix}${DEFINITIONS}/${NEW}`, undefined, 'roleDefinitions/delete/action', '/'],
  ]),
  [
    'POST',
    '/access/explain',
    { principalId: NEW, dataAction: 'Microsoft.KeyVault/managedHsm/rng/action', scope: '/' },
    'roleAssignments/read/action',
    '/',
  ],
  ['POST', '/backup', LOCATION, 'backup/start/action', '/'],
  ['POST', '/prebackup', LOCATION, 'backup/start/action', '/'],
  ['GET', `/backup/${JOB}/pending`, undefined, 'backup/status/action', '/'],
  ['PUT', '/restore', { sasTokenParameters: LOCATION, folderToRestore: 'f' }, 'restore/start/action', '/'],
  ['PUT', '/prerestore', {}, 'restore/start/action', '/'],
  ['GET', `/restore/${JOB}/pending`, undefined, 'restore/status/action', '/'],
  ['PUT', '/keys/k1/restore', { sasTokenParameters: LOCATION, folder: 'f' }, 'restore/start/action', '/'],
  ['POST', '/rng', { count: 8 }, 'rng/action', '/'],
  ['GET', '/settings', undefined, 'settings/read/action', '/'],
  ['GET', '/settings/first', undefined, 'settings/read/action', '/'],
  ['PATCH', '/settings/first', { value: 'true' }, 'settings/write/action', '/'],
  ['GET', '/tokens', undefined, 'tokens/read/action', '/'],
  ['GET', '/tokens/left', undefined, 'tokens/read/action', '/'],
  ['PUT', '/tokens/left', undefined, 'tokens/write/action', '/'],
  ['POST', '/tokens/left/drain', undefined, 'tokens/write/action', '/'],
  ['POST', '/tokens/left/resume', undefined, 'tokens/write/action', '/'],
  ['DELETE', '/tokens/left', undefined, 'tokens/write/action', '/'],
];

function ask(of: TestServer, method: string, path: string, body: object | undefined): Promise<Reply> {
  const url = `${path}?api-version=2026-04-01`;
  return body === undefined ? of.request(url, { method }) : of.send(method, url, body);
}

for (const [method, path, body, action, scope] of ROWS) {
  const dataAction = `Microsoft.KeyVault/managedHsm/${action}` as DataAction;

  test(`${method} ${path} is for those who hold ${action} on ${scope}, and for nobody else`, async (t) => {
    const refused = await ask(nobody, method, path, body);
    t.is(refused.status, 403);
    t.is(refused.json.error?.code, 'AccessDenied');
    t.true(refused.json.error?.message.startsWith(`Not authorized to access ${dataAction} on ${scope} (Activity ID: `));
    let holders = 0;
    for (const [role, server] of servers) {
      const { status } = await ask(server, method, path, body);
      if (grantedActions(role).has(dataAction)) {
        const isOtherwise = (status === 404 || status === 409) && MAY_BE_OTHERWISE.test(path);
        t.true(isOtherwise || (status >= 200 && status < 300), `${role.name}: ${status}`);
        holders += 1;
      } else t.is(status, 403, role.name);
    }
    t.true(holders > 0, 'some role may');
    t.is((await ask(allOfOneKey, method, path, body)).status === 403, scope !== KEY);
    t.is((await ask(allKeys, method, path, body)).status === 403, scope === '/');
  });
}

test('nobody without a role has reached the engine', (t) => {
  t.deepEqual(nobody.engine.requests, []);
});

test('roles for one key are none for another', async (t) => {
  for (const [method, path, body, , scope] of ROWS) {
    if (scope === KEY) t.is((await ask(allOfOneKey, method, path.replace('/k1', '/k2'), body)).status, 403, path);
  }
});

test('the table above has every route but batch, whose items are authorised one by one', (t) => {
  const named = new Set(
    ROWS.map(([method, path]) => {
      const pattern = path.replace('k1', ':name').replace(VERSION, ':version').replace(JOB, ':jobId');
      return `${method} ${pattern.replace(NEW, ':id').replace(ADMINISTRATOR, ':id').replace('left', ':token')}`;
    }),
  );
  const served = ROUTES.flatMap(({ method, paths }) => paths.map((path) => `${method} ${path}`));
  const missing = served.map((row) => row.replace(':setting', 'first')).filter((row) => !named.has(row));
  t.deepEqual(missing, ['POST /keys/:name/batch', 'POST /keys/:name/:version/batch']);
});

test('keys are deleted by the Crypto Officer and not by the Crypto User', (t) => {
  const holders = (action: DataAction) => roles.filter((role) => grantedActions(role).has(action));
  t.deepEqual(
    holders('Microsoft.KeyVault/managedHsm/keys/delete').map(({ name }) => name),
    ['Managed HSM Crypto Officer'],
  );
});

test('tokens are the Administrator’s, and the Auditor sees them', (t) => {
  const holders = (action: DataAction) =>
    roles.filter((role) => grantedActions(role).has(action)).map(({ name }) => name);
  t.deepEqual(holders('Microsoft.KeyVault/managedHsm/tokens/write/action'), ['Managed HSM Administrator']);
  t.deepEqual(holders('Microsoft.KeyVault/managedHsm/tokens/read/action'), [
    'Managed HSM Administrator',
    'Managed HSM Crypto Auditor',
  ]);
});

test('settings are the Administrator’s', (t) => {
  for (const action of ['read', 'write'] as const) {
    const dataAction: DataAction = `Microsoft.KeyVault/managedHsm/settings/${action}/action`;
    t.deepEqual(
      roles.filter((role) => grantedActions(role).has(dataAction)).map(({ name }) => name),
      ['Managed HSM Administrator'],
    );
  }
});
