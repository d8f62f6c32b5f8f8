import test from 'ava';
import { Authorizer } from '../../src/access/authorizer.ts';
import type { RoleGrant } from '../../src/access/role_assignment.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { SecurityPrincipal } from '../../src/model/principal.ts';
import { BUILT_IN_ROLE_IDS, builtInRoles, type DataAction, grantedActions } from '../../src/model/role.ts';
import { parseScope, type Scope, scopeCovers } from '../../src/model/scope.ts';

const ALICE = 'a11ce000-0000-4000-8000-000000000000';
const GROUP = '96000000-0000-4000-8000-000000000000';
const roles = builtInRoles({ cryptoUserMayDelete: false });
const live = builtInRoles({ cryptoUserMayDelete: true });
const SIGN: DataAction = 'Microsoft.KeyVault/managedHsm/keys/sign/action';
const RNG: DataAction = 'Microsoft.KeyVault/managedHsm/rng/action';
const DELETE: DataAction = 'Microsoft.KeyVault/managedHsm/keys/delete';

function principal(groups: readonly string[] = []): SecurityPrincipal {
  return { objectId: ALICE, tenantId: 't', applicationId: undefined, groups };
}

function allows(assignments: readonly RoleGrant[], action: DataAction, target: Scope, groups?: string[]): boolean {
  try {
    new Authorizer(roles, assignments).authorize(principal(groups), action, target);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'AccessDenied') return false;
    throw error;
  }
}

const user = (scope: Scope, principalId = ALICE): RoleGrant => ({
  principalId,
  roleDefinitionId: BUILT_IN_ROLE_IDS.cryptoUser,
  scope,
});

const SCOPES: readonly [assigned: Scope, target: Scope, covered: boolean][] = [
  ['/', '/', true],
  ['/', '/keys', true],
  ['/', '/keys/k1', true],
  ['/keys', '/', false],
  ['/keys', '/keys', true],
  ['/keys', '/keys/k1', true],
  ['/keys/k1', '/keys/k1', true],
  ['/keys/k1', '/keys/k10', false],
  ['/keys/k1', '/keys/K1', false],
  ['/keys/k1', '/keys', false],
  ['/keys/k1', '/', false],
];

for (const [assigned, target, covered] of SCOPES) {
  test(`an assignment at ${assigned} holds ${covered ? '' : 'not '}for ${target}`, (t) => {
    t.is(scopeCovers(assigned, target), covered);
    t.is(allows([user(assigned)], SIGN, target), covered);
  });
}

test('without an assignment everything is denied, with the data action and the scope in the message', (t) => {
  const error = t.throws(() => new Authorizer(roles, []).authorize(principal(), SIGN, '/keys/k1'), {
    code: 'AccessDenied',
  });
  t.is(error?.message, `Not authorized to access ${SIGN} on /keys/k1`);
});

test("an assignment is its principal's, or that of the principal's groups, and nobody else's", (t) => {
  t.false(allows([user('/', GROUP)], SIGN, '/keys/k1'));
  t.true(allows([user('/', GROUP)], SIGN, '/keys/k1', ['other', GROUP]));
  t.false(allows([user('/', 'somebody')], SIGN, '/keys/k1', [GROUP]));
});

test('assignments add up', (t) => {
  const officer = { ...user('/keys/k2'), roleDefinitionId: BUILT_IN_ROLE_IDS.cryptoOfficer };
  t.true(allows([user('/keys/k1'), officer], SIGN, '/keys/k1'));
  t.true(allows([user('/keys/k1'), officer], DELETE, '/keys/k2'));
  t.false(allows([user('/keys/k1'), officer], SIGN, '/keys/k2'));
  t.false(allows([user('/keys/k1'), officer], RNG, '/'));
});

test('an assignment of a role that is not there grants nothing, and takes nothing away', (t) => {
  const gone = { ...user('/'), roleDefinitionId: 'x' };
  t.false(allows([gone], SIGN, '/keys/k1'));
  t.true(allows([gone, user('/')], SIGN, '/keys/k1'));
});

test('what is replaced decides from then on, and while it is shut nobody is let in', (t) => {
  const authorizer = new Authorizer(roles, [user('/')]);
  t.true(authorizer.allows(principal(), SIGN, '/keys/k1'));
  authorizer.replace(roles, []);
  t.false(authorizer.allows(principal(), SIGN, '/keys/k1'));
  authorizer.shut(new StrongroomError('ServiceUnavailable', 'Nobody knows.'));
  for (const ask of ['allows', 'authorize'] as const) {
    t.throws(() => authorizer[ask](principal(), SIGN, '/'), { code: 'ServiceUnavailable' });
  }
  t.throws(() => authorizer.authorizeAny(principal(), [SIGN, RNG], '/'), { code: 'ServiceUnavailable' });
  authorizer.replace(roles, [user('/')]);
  t.true(authorizer.allows(principal(), SIGN, '/keys/k1'));
});

const dataActions = (id: string, of = roles) => grantedActions(of.get(id) ?? { permissions: [] });

test('the administrator and the crypto officer hold no operation with a key', (t) => {
  for (const id of [BUILT_IN_ROLE_IDS.administrator, BUILT_IN_ROLE_IDS.cryptoOfficer]) {
    for (const word of ['read', 'create', 'sign', 'decrypt', 'unwrap', 'encrypt', 'wrap', 'verify', 'import', 'rng']) {
      t.false(
        [...dataActions(id)].some(
          (action) => action.endsWith(`/keys/${word}/action`) || action.endsWith(`/keys/${word}`),
        ),
        word,
      );
    }
  }
});

test('an auditor reads and does nothing else', (t) => {
  const auditor = [...dataActions('2c18b078-7c48-4d3a-af88-5a3a1b3f82b3')];
  t.true(auditor.length > 0);
  t.true(auditor.every((action) => action.includes('/read/')));
});

test('keys are deleted by the crypto officer, or as the live service has it by the crypto user', (t) => {
  const { cryptoUser, cryptoOfficer } = BUILT_IN_ROLE_IDS;
  t.deepEqual([dataActions(cryptoUser).has(DELETE), dataActions(cryptoOfficer).has(DELETE)], [false, true]);
  t.deepEqual([dataActions(cryptoUser, live).has(DELETE), dataActions(cryptoOfficer, live).has(DELETE)], [true, false]);
  t.is(dataActions(cryptoUser, live).size, dataActions(cryptoUser).size + 1);
});

test('texts name a scope or nothing', (t) => {
  const named = {
    '/': '/',
    '//': '/',
    '/keys': '/keys',
    '/keys/': '/keys',
    '/keys/k1': '/keys/k1',
    '/keys/k1/': '/keys/k1',
  };
  for (const [text, scope] of Object.entries(named)) t.is(parseScope(text), scope as Scope);
  for (const text of ['', 'keys', '/key', '/keys/a_b', '/keys/a/b', `/keys/${'a'.repeat(128)}`])
    t.is(parseScope(text), undefined);
});
