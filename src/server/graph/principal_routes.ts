import { badParameter } from '../../model/errors.ts';
import { GRAPH_BODIES } from '../wire/graph_body.ts';
import { servicePrincipalJson, tenantJson, userJson } from '../wire/graph_object.ts';
import { listOf, servicePrincipalOf, userOf } from './graph_look_up.ts';
import type { GraphRoute } from './graph_route.ts';

/** Tenants, and who may have roles in them: applications by their service principals, and people. */
export const PRINCIPAL_ROUTES: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/tenants',
    operation: 'TenantList',
    status: 200,
    act: ({ directory }) => ({ value: directory.objects.tenants.map(tenantJson) }),
  },
  {
    method: 'POST',
    path: '/tenants',
    operation: 'TenantCreate',
    body: 'tenant',
    status: 201,
    act: async ({ changes, body }) =>
      tenantJson(await changes.createTenant(GRAPH_BODIES.tenant.check(body).displayName)),
  },
  {
    method: 'GET',
    path: '/servicePrincipals',
    operation: 'ServicePrincipalList',
    status: 200,
    act: (call) => listOf(call, call.directory.objects.servicePrincipals, servicePrincipalJson),
  },
  {
    method: 'POST',
    path: '/servicePrincipals',
    operation: 'ServicePrincipalCreate',
    body: 'servicePrincipal',
    status: 201,
    act: async ({ directory, changes, tenantId, body }) => {
      const { appId } = GRAPH_BODIES.servicePrincipal.check(body);
      const application = directory.findApplication(appId);
      if (application === undefined) throw badParameter('appId', 'the appId of an application', appId);
      return servicePrincipalJson(await changes.createServicePrincipal(tenantId, application));
    },
  },
  {
    method: 'GET',
    path: '/servicePrincipals/:id',
    operation: 'ServicePrincipalGet',
    status: 200,
    act: (call) => servicePrincipalJson(servicePrincipalOf(call)),
  },
  {
    method: 'PATCH',
    path: '/servicePrincipals/:id',
    operation: 'ServicePrincipalUpdate',
    body: 'principalChange',
    status: 204,
    act: async (call) => {
      const { accountEnabled: isEnabled, isDirectoryAdministrator: isAdministrator } =
        GRAPH_BODIES.principalChange.check(call.body);
      await call.changes.changeServicePrincipal(servicePrincipalOf(call), given({ isEnabled, isAdministrator }));
      return undefined;
    },
  },
  {
    method: 'DELETE',
    path: '/servicePrincipals/:id',
    operation: 'ServicePrincipalDelete',
    status: 204,
    act: async (call) => {
      await call.changes.deleteServicePrincipal(servicePrincipalOf(call));
      return undefined;
    },
  },
  {
    method: 'POST',
    path: '/servicePrincipals/:id/getMemberObjects',
    operation: 'MemberObjectsGet',
    status: 200,
    act: (call) => ({ value: call.directory.groupsOf(servicePrincipalOf(call).id) }),
  },
  {
    method: 'GET',
    path: '/users',
    operation: 'UserList',
    status: 200,
    act: (call) => listOf(call, call.directory.objects.users, userJson),
  },
  {
    method: 'POST',
    path: '/users',
    operation: 'UserCreate',
    body: 'user',
    status: 201,
    act: async ({ changes, tenantId, body }) => {
      const { userPrincipalName, displayName, accountEnabled, passwordProfile } = GRAPH_BODIES.user.check(body);
      const user = await changes.createUser(tenantId, {
        userPrincipalName,
        displayName,
        isEnabled: accountEnabled ?? true,
        password: passwordProfile?.password,
      });
      return userJson(user);
    },
  },
  {
    method: 'GET',
    path: '/users/:id',
    operation: 'UserGet',
    status: 200,
    act: (call) => userJson(userOf(call)),
  },
  {
    method: 'PATCH',
    path: '/users/:id',
    operation: 'UserUpdate',
    body: 'userChange',
    status: 204,
    act: async (call) => {
      const { displayName, accountEnabled, isDirectoryAdministrator, passwordProfile } = GRAPH_BODIES.userChange.check(
        call.body,
      );
      const changes = {
        displayName,
        isEnabled: accountEnabled,
        isAdministrator: isDirectoryAdministrator,
        password: passwordProfile?.password,
      };
      await call.changes.changeUser(userOf(call), given(changes));
      return undefined;
    },
  },
  {
    method: 'DELETE',
    path: '/users/:id',
    operation: 'UserDelete',
    status: 204,
    act: async (call) => {
      await call.changes.deleteUser(userOf(call));
      return undefined;
    },
  },
  {
    method: 'POST',
    path: '/users/:id/getMemberObjects',
    operation: 'MemberObjectsGet',
    status: 200,
    act: (call) => ({ value: call.directory.groupsOf(userOf(call).id) }),
  },
];

/** Without the members that nothing was said of. */
function given<T extends object>(changes: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const said = Object.entries(changes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
