import test from 'ava';
import { Authorizer } from '../../src/access/authorizer.ts';
import { builtInRoles, DATA_ACTIONS, type DataAction } from '../../src/model/role.ts';
import type { Scope } from '../../src/model/scope.ts';
import { ROLE_TABLE, TABLE_ACTIONS } from './role_table.ts';

const PREFIX = 'Microsoft.KeyVault/managedHsm/';
const roles = builtInRoles({ cryptoUserMayDelete: false });
const SCOPES: readonly Scope[] = ['/', '/keys', '/keys/k1', '/keys/k2'];
/** Which targets an assignment at this scope holds for. */
const COVERED: Readonly<Record<string, readonly Scope[]>> = {
  '/': SCOPES,
  '/keys': ['/keys', '/keys/k1', '/keys/k2'],
  '/keys/k1': ['/keys/k1'],
  '/keys/k2': ['/keys/k2'],
};
const caller = { objectId: 'me', groups: ['us'], tenantId: 't', applicationId: undefined };

test('the table has every role and every data action that there is', (t) => {
  t.deepEqual([...roles.keys()].sort(), Object.keys(ROLE_TABLE).sort());
  t.deepEqual(DATA_ACTIONS.map((action) => action.slice(PREFIX.length)).sort(), [...TABLE_ACTIONS]);
});

for (const [id, { name }] of roles) {
  test(`${name}, assigned anywhere, may do what the table says and nothing else`, (t) => {
    for (const scope of SCOPES) {
      for (const principalId of ['me', 'us', 'them']) {
        const authorizer = new Authorizer(roles, [{ principalId, roleDefinitionId: id, scope }]);
        for (const action of TABLE_ACTIONS) {
          for (const target of SCOPES) {
            const expected =
              principalId !== 'them' &&
              (ROLE_TABLE[id]?.includes(action) ?? false) &&
              (COVERED[scope]?.includes(target) ?? false);
            const decided = authorizer.allows(caller, `${PREFIX}${action}` as DataAction, target);
            if (decided !== expected) t.fail(`${principalId} at ${scope}: ${action} on ${target}`);
          }
        }
      }
    }
    t.pass();
  });
}

test('the live service lets the Crypto User delete, and nobody else', (t) => {
  const live = builtInRoles({ cryptoUserMayDelete: true });
  const holders = [...live.keys()].filter((roleDefinitionId) =>
    new Authorizer(live, [{ principalId: 'me', roleDefinitionId, scope: '/' }]).allows(
      caller,
      `${PREFIX}keys/delete`,
      '/keys/k1',
    ),
  );
  t.deepEqual(holders, ['21dbd100-6940-42c2-9190-5d6cb909625b']);
});
