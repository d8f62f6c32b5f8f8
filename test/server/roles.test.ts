import { randomUUID } from 'node:crypto';
import test from 'ava';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { type Reply, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const QUERY = '?api-version=7.5';
const DEFINITIONS = '/providers/Microsoft.Authorization/roleDefinitions';
const ASSIGNMENTS = '/providers/Microsoft.Authorization/roleAssignments';
const SIGN = 'Microsoft.KeyVault/managedHsm/keys/sign/action';
const idOf = (guid: string): string => `Microsoft.KeyVault${DEFINITIONS}/${guid}`;
const CRYPTO_USER = idOf(BUILT_IN_ROLE_IDS.cryptoUser);

interface Named {
  readonly id: string;
  readonly name: string;
  readonly properties: Record<string, unknown>;
}

const get = (path: string, filter?: string): Promise<Reply> =>
  server.request(`${path}${QUERY}${filter === undefined ? '' : `&%24filter=${encodeURIComponent(filter)}`}`);
const put = (path: string, properties: unknown): Promise<Reply> => server.send('PUT', path + QUERY, { properties });
const remove = (path: string): Promise<Reply> => server.request(path + QUERY, { method: 'DELETE' });
const namesOf = ({ json }: Reply): string[] => (json.value as Named[]).map(({ name }) => name);
const assign = (scope: string, name = randomUUID(), principalId = randomUUID()): Promise<Reply> =>
  put(`${scope}${ASSIGNMENTS}/${name}`, { roleDefinitionId: CRYPTO_USER, principalId });

/** Refused with this status and code. */
async function refusedWith(
  t: { is(actual: unknown, expected: unknown, message?: string): void },
  pending: Promise<Reply>,
  status: number,
  code: string,
  innerCode?: string,
): Promise<string> {
  const { json, status: answered, text } = await pending;
  t.is(answered, status, text);
  t.is(json.error?.code, code);
  t.is(json.error?.innererror?.code, innerCode);
  return json.error?.message ?? '';
}

test('every built-in role is listed as Azure lists it, at every scope', async (t) => {
  for (const path of [DEFINITIONS, `/keys${DEFINITIONS}`, `/keys/k1${DEFINITIONS}`]) {
    const { status, json } = await get(path, 'atScopeAndBelow()');
    t.is(status, 200);
    const value = json.value as Named[];
    const user = value.find(({ name }) => name === BUILT_IN_ROLE_IDS.cryptoUser);
    t.like(user, {
      id: CRYPTO_USER,
      type: 'Microsoft.Authorization/roleDefinitions',
      properties: { roleName: 'Managed HSM Crypto User', type: 'AKVBuiltInRole', assignableScopes: ['/'] },
    });
    const arm = value.find(({ name }) => name === '770fd66c-6266-4643-9d4e-b616870898d5');
    t.deepEqual(arm?.properties.permissions, [
      {
        actions: [
          'Microsoft.KeyVault/managedHsm/keys/createIfNotExists',
          'Microsoft.KeyVault/managedHsm/keys/read/action',
        ],
        notActions: [],
        dataActions: [],
        notDataActions: [],
      },
    ]);
    t.is(value.filter(({ properties }) => properties.type === 'AKVBuiltInRole').length, 10);
  }
});

test('a custom role goes its whole way: made, read, replaced, listed, deleted', async (t) => {
  const name = randomUUID();
  const permissions = [{ dataActions: [SIGN.toUpperCase()], notDataActions: [] }];
  const made = await put(`/${DEFINITIONS}/${name}`, { roleName: 'Signer', description: 'signs', permissions });
  const expected = {
    id: idOf(name),
    name,
    type: 'Microsoft.Authorization/roleDefinitions',
    properties: {
      roleName: 'Signer',
      description: 'signs',
      type: 'CustomRole',
      permissions: [{ actions: [], notActions: [], dataActions: [SIGN], notDataActions: [] }],
      assignableScopes: ['/'],
    },
  };
  t.is(made.status, 201);
  t.deepEqual<unknown, unknown>(made.json, expected);
  t.deepEqual<unknown, unknown>((await get(`${DEFINITIONS}/${name}`)).json, expected);
  const replaced = await put(`/keys${DEFINITIONS}/${name.toUpperCase()}`, {
    type: 'CustomRole',
    assignableScopes: ['/'],
  });
  t.is(replaced.status, 201);
  t.like(replaced.json, { name, properties: { roleName: name, description: '', permissions: [] } });
  t.true(namesOf(await get(DEFINITIONS)).includes(name));
  const deleted = await remove(`${DEFINITIONS}/${name}`);
  t.is(deleted.status, 200);
  t.deepEqual<unknown, unknown>(deleted.json, replaced.json);
  await refusedWith(t, get(`${DEFINITIONS}/${name}`), 404, 'RoleDefinitionNotFound');
  await refusedWith(t, remove(`${DEFINITIONS}/${name}`), 404, 'RoleDefinitionNotFound');
});

test('what is no role definition is refused, in Azure’s words where they are known', async (t) => {
  const path = `${DEFINITIONS}/${randomUUID()}`;
  t.true(
    (await refusedWith(t, put(`${DEFINITIONS}/signer`, {}), 400, 'BadParameter')).startsWith(
      'Role definition name must be a GUID (Activity ID: ',
    ),
  );
  for (const [at, properties] of [
    [`${DEFINITIONS}/${BUILT_IN_ROLE_IDS.administrator}`, {}],
    [path, { roleName: 'Managed HSM Administrator' }],
  ] as const) {
    const message = await refusedWith(t, put(at, properties), 400, 'BadParameter');
    t.true(message.startsWith('Cannot re-use the name/GUID matching that of a built-in role.'));
  }
  for (const properties of [
    undefined,
    { roleName: 1 },
    { roleName: 'x'.repeat(513) },
    { type: 'AKVBuiltInRole' },
    { permissions: [{ dataActions: ['Microsoft.KeyVault/managedHsm/keys/*'] }] },
    { permissions: [{ dataActions: ['*'] }] },
    { permissions: [{ dataActions: [SIGN], notDataActions: ['Microsoft.KeyVault/managedHsm/keys/sing/action'] }] },
    { permissions: Array.from({ length: 17 }, () => ({})) },
    { permissions: [{ dataActions: Array.from({ length: 101 }, () => SIGN) }] },
    { assignableScopes: ['/keys/k1'] },
  ]) {
    await refusedWith(t, put(path, properties), 400, 'BadParameter');
  }
  await refusedWith(t, remove(`${DEFINITIONS}/${BUILT_IN_ROLE_IDS.cryptoUser}`), 400, 'BadParameter');
  await refusedWith(t, get(`${DEFINITIONS}/${randomUUID()}`), 404, 'RoleDefinitionNotFound');
  await refusedWith(t, put(`/keys/k1${path}`, {}), 405, 'MethodNotAllowed');
});

test('an assignment goes its whole way at each scope, however clients spell the path', async (t) => {
  for (const [scope, paths] of [
    ['/', ['', '/', '//']],
    ['/keys', ['/keys', '//keys', '/keys/', '/KEYS']],
    ['/keys/k9', ['/keys/k9', '//keys//k9/', '/Keys/k9']],
  ] as const) {
    const [name, principalId] = [randomUUID(), randomUUID()];
    const roleDefinitionId = `/${CRYPTO_USER}`;
    const [first = ''] = paths;
    const made = await put(`${first}${ASSIGNMENTS}/${name}`, {
      roleDefinitionId,
      principalId: principalId.toUpperCase(),
    });
    t.is(made.status, 201, made.text);
    t.deepEqual<unknown, unknown>(made.json, {
      id: `${scope === '/' ? '' : scope}${ASSIGNMENTS}/${name}`,
      name,
      type: 'Microsoft.Authorization/roleAssignments',
      properties: { scope, roleDefinitionId, principalId },
    });
    for (const path of paths) {
      const lowered = `${path}${ASSIGNMENTS.toLowerCase()}/${name}`;
      t.deepEqual((await get(lowered)).json, made.json, lowered);
      t.true(namesOf(await get(`${path}${ASSIGNMENTS}/`)).includes(name), path);
    }
    await refusedWith(t, assign(first, name), 409, 'RoleAssignmentExists');
    const deleted = await remove(`${first}${ASSIGNMENTS}/${name}`);
    t.is(deleted.status, 200);
    t.deepEqual(deleted.json, made.json);
    const message = await refusedWith(t, get(`${first}${ASSIGNMENTS}/${name}`), 404, 'RoleAssignmentNotFound');
    t.true(message.startsWith('Requested role assignment not found (Activity ID: '));
    await refusedWith(t, remove(`${first}${ASSIGNMENTS}/${name}`), 404, 'RoleAssignmentNotFound');
  }
});

test('what is no role assignment is refused', async (t) => {
  const path = `${ASSIGNMENTS}/${randomUUID()}`;
  const good = { roleDefinitionId: CRYPTO_USER, principalId: randomUUID() };
  await refusedWith(t, put(`${ASSIGNMENTS}/mine`, good), 400, 'BadParameter');
  for (const changes of [
    { principalId: undefined },
    { principalId: 'alice' },
    { roleDefinitionId: undefined },
    { roleDefinitionId: 'Managed HSM Crypto User' },
    { roleDefinitionId: BUILT_IN_ROLE_IDS.cryptoUser },
    { roleDefinitionId: idOf('-'.repeat(36)) },
  ]) {
    await refusedWith(t, put(path, { ...good, ...changes }), 400, 'BadParameter');
  }
  const unknown = put(path, { ...good, roleDefinitionId: idOf(randomUUID()) });
  await refusedWith(t, unknown, 400, 'BadParameter', 'RoleDefinitionNotFound');
  for (const scope of ['/secrets', '/keys/k1/versions', '/https://demo/keys/k1', '/subscriptions/x']) {
    await refusedWith(t, get(`${scope}${ASSIGNMENTS}`), 400, 'Invalidkeyidentifier');
  }
});

test('lists have what the filter asks for', async (t) => {
  const [ada, ben] = [randomUUID(), randomUUID()];
  const names: Record<string, string> = {};
  for (const [what, scope, principalId] of [
    ['pool', '', ada],
    ['keys', '/keys', ada],
    ['one', '/keys/f1', ada],
    ['two', '/keys/f2', ada],
    ['other', '/keys/f1', ben],
  ] as const) {
    const name = randomUUID();
    names[what] = name;
    t.is((await assign(scope, name, principalId)).status, 201);
  }
  const listed = async (scope: string, filter?: string): Promise<string[]> => {
    const found = namesOf(await get(`${scope}${ASSIGNMENTS}`, filter));
    return Object.keys(names).filter((what) => found.includes(names[what] as string));
  };
  t.deepEqual(await listed(''), ['pool', 'keys']);
  t.deepEqual(await listed('/keys'), ['pool', 'keys']);
  t.deepEqual(await listed('/keys/f1'), ['one', 'other']);
  t.deepEqual(await listed('', 'atScope()'), ['pool']);
  t.deepEqual(await listed('/keys', 'atScope()'), ['pool', 'keys']);
  t.deepEqual(await listed('/keys/f1', 'atScope()'), ['pool', 'keys', 'one', 'other']);
  t.deepEqual(await listed('', `principalId eq '${ada}'`), ['pool', 'keys', 'one', 'two']);
  t.deepEqual(await listed('', `principalId eq ${ben.toUpperCase()}`), ['other']);
  t.deepEqual(await listed('/keys/f2', `principalId eq '${ada}'`), ['pool', 'keys', 'two']);
  for (const filter of ['', 'x', 'principalId eq alice', `principalId ne '${ada}'`, 'atScopeAndBelow()']) {
    await refusedWith(t, get(ASSIGNMENTS, filter), 400, 'BadParameter');
  }
  await refusedWith(t, get(DEFINITIONS, 'atScope()'), 400, 'BadParameter');
});

test('a definition that somebody holds cannot be deleted, and the last administrator cannot either', async (t) => {
  const [definition, assignment] = [randomUUID(), randomUUID()];
  await put(`${DEFINITIONS}/${definition}`, {});
  const path = `/keys/held${ASSIGNMENTS}/${assignment}`;
  t.is((await put(path, { roleDefinitionId: idOf(definition), principalId: randomUUID() })).status, 201);
  await refusedWith(t, remove(`${DEFINITIONS}/${definition}`), 409, 'Conflict', 'RoleDefinitionHasAssignments');
  t.is((await remove(path)).status, 200);
  t.is((await remove(`${DEFINITIONS}/${definition}`)).status, 200);
  const administrators = server.roles.assignments.filter(
    ({ roleDefinitionId, scope }) => roleDefinitionId === BUILT_IN_ROLE_IDS.administrator && scope === '/',
  );
  t.is(administrators.length, 1);
  const last = remove(`${ASSIGNMENTS}/${administrators[0]?.id}`);
  t.regex(await refusedWith(t, last, 409, 'Conflict', 'LastAdministrator'), /nobody would be left/);
});

test('what was done to roles is in the audit log by its name and scope, with who holds which role by it', async (t) => {
  const name = randomUUID();
  server.audit.taken();
  const principalId = randomUUID();
  await assign('/keys/audited', name, principalId);
  await get(`/keys/audited${ASSIGNMENTS}/${name}`);
  await remove(`/keys/audited${ASSIGNMENTS}/${name}`);
  const events = server.audit.taken().filter(({ requestUri }) => requestUri?.includes(name));
  const held = `roleAssignments/${name} principals/${principalId} roleDefinitions/${BUILT_IN_ROLE_IDS.cryptoUser}`;
  t.deepEqual(
    events
      .filter(({ httpStatus }) => httpStatus !== undefined)
      .map(({ operation, scope, target }) => [operation, scope, target]),
    [
      ['RoleAssignmentCreate', '/keys/audited', held],
      ['RoleAssignmentGet', '/keys/audited', undefined],
      ['RoleAssignmentDelete', '/keys/audited', held],
    ],
  );
});

test('an explanation says which assignment and role allow it, or what is missing', async (t) => {
  const [principalId, group] = [randomUUID(), randomUUID()];
  const explain = async (scope: string, dataAction = SIGN, groups = [group]): Promise<Reply['json']> => {
    const reply = await server.post(`/access/explain${QUERY}`, { principalId, groups, dataAction, scope });
    t.is(reply.status, 200, reply.text);
    return reply.json;
  };
  const name = randomUUID();
  await assign('/keys/e1', name, group);
  const role = { id: CRYPTO_USER, roleName: 'Managed HSM Crypto User' };
  const roleAssignment = (await get(`/keys/e1${ASSIGNMENTS}/${name}`)).json;
  const nothing = { allowedBy: [], heldElsewhere: [], heldWithoutAction: [] };
  const held = [{ roleAssignment, role }];
  t.like(await explain('/keys/e1'), { ...nothing, allowed: true, allowedBy: held, rolesWithAction: [role] });
  t.like(await explain('/keys/e2'), { ...nothing, allowed: false, heldElsewhere: held });
  const purge = 'Microsoft.KeyVault/managedHsm/keys/deletedKeys/delete';
  t.like(await explain('/keys/e1', purge), { ...nothing, allowed: false, heldWithoutAction: held });
  t.like(await explain('/keys/e1', SIGN, []), { ...nothing, allowed: false });
  for (const changes of [{ principalId: 'x' }, { scope: 'keys' }, { dataAction: 'sign' }, { groups: ['x'] }]) {
    const question = { principalId, groups: [], dataAction: SIGN, scope: '/', ...changes };
    await refusedWith(t, server.post(`/access/explain${QUERY}`, question), 400, 'BadParameter');
  }
});
