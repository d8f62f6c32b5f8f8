import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { RoleAssignment } from '../../src/access/role_assignment.ts';
import { Roles } from '../../src/access/roles.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { SecurityPrincipal } from '../../src/model/principal.ts';
import { BUILT_IN_ROLE_IDS, builtInRoles, type DataAction, type RoleDefinition } from '../../src/model/role.ts';
import type { Scope } from '../../src/model/scope.ts';
import { refused } from '../fixtures/refused.ts';
import { MemoryDocumentStore, testDocuments } from '../fixtures/test_documents.ts';

const SIGN: DataAction = 'Microsoft.KeyVault/managedHsm/keys/sign/action';
const { administrator, cryptoUser } = BUILT_IN_ROLE_IDS;
const builtIn = builtInRoles({ cryptoUserMayDelete: false });

interface Opened {
  readonly roles: Roles;
  readonly store: MemoryDocumentStore;
  readonly troubles: StrongroomError[];
}

async function open(store = new MemoryDocumentStore()): Promise<Opened> {
  const troubles: StrongroomError[] = [];
  const onTrouble = (error: StrongroomError): void => void troubles.push(error);
  return { roles: await Roles.open({ documents: testDocuments(store), builtIn, onTrouble }), store, troubles };
}

const caller = (objectId: string): SecurityPrincipal => ({
  objectId,
  tenantId: 't',
  applicationId: undefined,
  groups: [],
});

function assignment(changes: Partial<RoleAssignment> = {}): RoleAssignment {
  return { id: randomUUID(), principalId: randomUUID(), roleDefinitionId: cryptoUser, scope: '/', ...changes };
}

function definition(changes: Partial<RoleDefinition> = {}): RoleDefinition {
  const permissions = [{ actions: [], notActions: [], dataActions: [SIGN], notDataActions: [] }];
  return { id: randomUUID(), name: 'Signer', description: '', kind: 'custom', permissions, ...changes };
}

/** Waits until it is so. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const started = performance.now();
  while (!holds()) {
    if (performance.now() - started > 20_000) throw new Error(`Not in time: ${what}`);
    await delay(5);
  }
}

const isShut = ({ authorizer }: Roles): StrongroomError | undefined => {
  try {
    authorizer.allows(caller('x'), SIGN, '/');
    return undefined;
  } catch (error) {
    return error as StrongroomError;
  }
};

test('the first roles are given once: what was taken since stays taken, whoever is new is added', async (t) => {
  const { roles, store } = await open();
  const [ada, ben] = [randomUUID(), randomUUID()];
  const first = [{ principalId: ada, roleDefinitionIds: [administrator, cryptoUser] }];
  await roles.introduce(first);
  t.deepEqual(
    roles.assignments.map(({ principalId, roleDefinitionId, scope }) => [principalId, roleDefinitionId, scope]),
    [
      [ada, administrator, '/'],
      [ada, cryptoUser, '/'],
    ],
  );
  await roles.removeAssignment('/', roles.assignments[1]?.id ?? '');
  const again = (await open(store)).roles;
  await again.introduce([...first, { principalId: ben, roleDefinitionIds: [administrator] }]);
  t.deepEqual(
    again.assignments.map(({ principalId, roleDefinitionId }) => [principalId, roleDefinitionId]),
    [
      [ada, administrator],
      [ben, administrator],
    ],
  );
  const rows = [...store.rows.values()];
  await again.introduce(first);
  t.deepEqual([...store.rows.values()], rows);
});

test('an assignment decides at once, and no longer when it is removed', async (t) => {
  const { roles } = await open();
  const added = assignment({ scope: '/keys/k1' });
  const allows = (scope: Scope): boolean => roles.authorizer.allows(caller(added.principalId), SIGN, scope);
  await roles.addAssignment(added);
  t.deepEqual([allows('/keys/k1'), allows('/keys/k2'), allows('/keys')], [true, false, false]);
  t.deepEqual(roles.assignment('/keys/k1', added.id), added);
  t.throws(() => roles.assignment('/', added.id), { code: 'RoleAssignmentNotFound' });
  await refused(t, roles.removeAssignment('/', added.id), 'RoleAssignmentNotFound');
  t.deepEqual(await roles.removeAssignment('/keys/k1', added.id), added);
  t.false(allows('/keys/k1'));
  await refused(t, roles.removeAssignment('/keys/k1', added.id), 'RoleAssignmentNotFound');
});

test('an id is used once, and the same role is not given twice', async (t) => {
  const { roles } = await open();
  const added = assignment({ scope: '/keys/k1' });
  await roles.addAssignment(added);
  for (const other of [
    assignment({ id: added.id, scope: '/keys/k1' }),
    assignment({ id: added.id, scope: '/' }),
    { ...added, id: randomUUID() },
  ]) {
    await refused(t, roles.addAssignment(other), 'RoleAssignmentExists');
  }
  await refused(
    t,
    roles.addAssignment(assignment({ roleDefinitionId: randomUUID() })),
    'BadParameter',
    'RoleDefinitionNotFound',
  );
  t.deepEqual(roles.assignments, [added]);
});

test('there are 50 assignments at / and /keys together, and 10 at a key', async (t) => {
  const { roles } = await open();
  const add = (scope: Scope): Promise<void> => roles.addAssignment(assignment({ scope }));
  for (let count = 0; count < 30; count++) await add('/');
  for (let count = 0; count < 20; count++) await add('/keys');
  for (const scope of ['/', '/keys'] as const)
    await refused(t, add(scope), 'BadParameter', 'RoleAssignmentLimitReached');
  for (let count = 0; count < 10; count++) await add('/keys/k1');
  await refused(t, add('/keys/k1'), 'BadParameter', 'RoleAssignmentLimitReached');
  await add('/keys/k2');
  t.is(roles.assignments.length, 61);
});

test('the last administrator of the pool stays', async (t) => {
  const { roles } = await open();
  const [first, second] = [0, 1].map(() => assignment({ roleDefinitionId: administrator })) as [
    RoleAssignment,
    RoleAssignment,
  ];
  const elsewhere = assignment({ roleDefinitionId: administrator, scope: '/keys' });
  for (const each of [first, second, elsewhere]) await roles.addAssignment(each);
  await roles.removeAssignment('/', first.id);
  const error = await refused(t, roles.removeAssignment('/', second.id), 'Conflict', 'LastAdministrator');
  t.regex(error.message, /nobody would be left/);
  await roles.removeAssignment('/keys', elsewhere.id);
  t.deepEqual(roles.assignments, [second]);
});

test('of two servers that remove one administrator each at the same moment, one is refused', async (t) => {
  const store = new MemoryDocumentStore();
  const [here, there] = [(await open(store)).roles, (await open(store)).roles];
  const both = [0, 1].map(() => assignment({ roleDefinitionId: administrator }));
  for (const each of both) await here.addAssignment(each);
  const removals = [here.removeAssignment('/', both[0]?.id ?? ''), there.removeAssignment('/', both[1]?.id ?? '')];
  const outcomes = await Promise.allSettled(removals);
  t.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  t.is((await open(store)).roles.assignments.length, 1);
});

test('servers that assign at the same moment all come through, and keep the limit', async (t) => {
  const store = new MemoryDocumentStore();
  const servers = await Promise.all([0, 1, 2].map(async () => (await open(store)).roles));
  const outcomes = await Promise.allSettled(
    Array.from({ length: 12 }, (_, index) => servers[index % 3]?.addAssignment(assignment({ scope: '/keys/k1' }))),
  );
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 10);
  t.is((await open(store)).roles.assignments.length, 10);
});

test('a definition is made, replaced and deleted, and decides for those who hold it', async (t) => {
  const { roles } = await open();
  const made = definition();
  await roles.putDefinition(made);
  const held = assignment({ roleDefinitionId: made.id, scope: '/keys' });
  await roles.addAssignment(held);
  const allows = (): boolean => roles.authorizer.allows(caller(held.principalId), SIGN, '/keys/k1');
  t.true(allows());
  const empty = { ...made, name: 'Nothing', permissions: [] };
  await roles.putDefinition(empty);
  t.false(allows());
  t.deepEqual(roles.definition(made.id), empty);
  const error = await refused(t, roles.removeDefinition(made.id), 'Conflict', 'RoleDefinitionHasAssignments');
  t.regex(error.message, /a role assignment names it/);
  await roles.removeAssignment('/keys', held.id);
  t.deepEqual(await roles.removeDefinition(made.id), empty);
  t.throws(() => roles.definition(made.id), { code: 'RoleDefinitionNotFound' });
  await refused(t, roles.removeDefinition(made.id), 'RoleDefinitionNotFound');
});

test('built-in roles are neither replaced nor deleted, and their names are theirs', async (t) => {
  const { roles } = await open();
  for (const each of [definition({ id: cryptoUser }), definition({ name: 'managed hsm CRYPTO user' })]) {
    const error = await refused(t, roles.putDefinition(each), 'BadParameter');
    t.is(error.message, 'Cannot re-use the name/GUID matching that of a built-in role. Please use a unique role ID.');
  }
  await refused(t, roles.removeDefinition(cryptoUser), 'BadParameter');
  t.is(roles.definitions.length, builtIn.size);
});

test('there are 50 custom definitions, of which each may still be replaced', async (t) => {
  const { roles } = await open();
  for (let count = 0; count < 50; count++) await roles.putDefinition(definition());
  await refused(t, roles.putDefinition(definition()), 'BadParameter', 'RoleDefinitionLimitReached');
  const last = roles.definitions.at(-1) as RoleDefinition;
  await t.notThrowsAsync(roles.putDefinition({ ...last, description: 'changed' }));
});

test('what another server has changed decides when it is told', async (t) => {
  const store = new MemoryDocumentStore();
  const [here, there] = [(await open(store)).roles, (await open(store)).roles];
  const added = assignment();
  const allows = (): boolean => there.authorizer.allows(caller(added.principalId), SIGN, '/keys/k1');
  await here.addAssignment(added);
  t.false(allows());
  store.tell(['role_assignment']);
  await until(allows, 'the assignment is known');
  await here.removeAssignment('/', added.id);
  store.tell(undefined);
  await until(() => !allows(), 'the removal is known');
  t.is(isShut(there), undefined);
});

test('while the roles cannot be read nobody is let in, and everybody again when they can', async (t) => {
  const { roles, store, troubles } = await open();
  const added = assignment();
  await roles.addAssignment(added);
  store.failure = new StrongroomError('ServiceUnavailable', 'The store could not be read.');
  store.tell(undefined);
  await until(() => isShut(roles) !== undefined, 'it is shut');
  t.like(isShut(roles), { code: 'ServiceUnavailable', innerCode: 'RolesUnreadable' });
  store.tell(undefined);
  await refused(t, roles.addAssignment(assignment()), 'ServiceUnavailable');
  store.failure = undefined;
  await until(() => isShut(roles) === undefined, 'it is open again by itself');
  t.true(roles.authorizer.allows(caller(added.principalId), SIGN, '/'));
  t.is(troubles.length, 1);
});

test('a store that takes its time to say what has changed is not waited for', async (t) => {
  const { roles, store } = await open();
  let answer: () => void = () => undefined;
  store.gate = new Promise((resolve) => {
    answer = resolve;
  });
  const change = roles.addAssignment(assignment());
  store.tell(['role_definition']);
  await until(() => isShut(roles) !== undefined, 'it is shut');
  t.like(isShut(roles), { code: 'ServiceUnavailable', innerCode: 'RolesUnreadable' });
  answer();
  await change;
  await until(() => isShut(roles) === undefined, 'it is open again');
});

const TAMPERED: readonly [string, (store: MemoryDocumentStore, older: MemoryDocumentStore['rows']) => void][] = [
  [
    'edited',
    ({ rows }) => {
      for (const [place, { record, seal }] of rows) {
        rows.set(place, { record: { ...record, content: record.content.replaceAll(cryptoUser, administrator) }, seal });
      }
    },
  ],
  ['taken out', ({ rows }) => rows.clear()],
  [
    'put in the place of another',
    ({ rows }) => {
      const row = rows.get('role_assignment /keys/k1');
      if (row !== undefined) rows.set('role_assignment /', { ...row, record: { ...row.record, id: '/' } });
    },
  ],
  [
    'rolled back',
    ({ rows }, older) => {
      for (const [place, row] of older) rows.set(place, row);
    },
  ],
];

for (const [what, tamper] of TAMPERED) {
  test(`roles that were ${what} behind the service's back let nobody in, and say so`, async (t) => {
    const { roles, store, troubles } = await open();
    await roles.addAssignment(assignment());
    const older = new Map(store.rows);
    await roles.addAssignment(assignment());
    await roles.addAssignment(assignment({ scope: '/keys/k1' }));
    tamper(store, older);
    store.tell(['role_assignment']);
    await until(() => isShut(roles) !== undefined, 'it is shut');
    t.is(isShut(roles)?.code, 'StoreTampered');
    t.deepEqual(
      troubles.map(({ code }) => code),
      ['StoreTampered'],
    );
  });
}

test('over roles that were tampered with nothing is opened', async (t) => {
  const { roles, store } = await open();
  await roles.addAssignment(assignment());
  TAMPERED[0]?.[1](store, store.rows);
  await refused(t, open(store), 'StoreTampered');
});
