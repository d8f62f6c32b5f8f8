import type { Directory } from '../../identity/embedded/directory.ts';
import { badParameter } from '../../model/errors.ts';
import { GRAPH_BODIES } from '../wire/graph_body.ts';
import { groupJson, servicePrincipalJson, userJson } from '../wire/graph_object.ts';
import { groupOf, listOf } from './graph_look_up.ts';
import type { GraphRoute } from './graph_route.ts';

/** Groups, whose members are users, service principals and groups. */
export const GROUP_ROUTES: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/groups',
    operation: 'GroupList',
    status: 200,
    act: (call) => listOf(call, call.directory.objects.groups, groupJson),
  },
  {
    method: 'POST',
    path: '/groups',
    operation: 'GroupCreate',
    body: 'group',
    status: 201,
    act: async ({ changes, tenantId, body }) =>
      groupJson(await changes.createGroup(tenantId, GRAPH_BODIES.group.check(body).displayName)),
  },
  {
    method: 'GET',
    path: '/groups/:id',
    operation: 'GroupGet',
    status: 200,
    act: (call) => groupJson(groupOf(call)),
  },
  {
    method: 'DELETE',
    path: '/groups/:id',
    operation: 'GroupDelete',
    status: 204,
    act: async (call) => {
      await call.changes.deleteGroup(groupOf(call));
      return undefined;
    },
  },
  {
    method: 'GET',
    path: '/groups/:id/members',
    operation: 'GroupMemberList',
    status: 200,
    act: (call) => ({ value: objectsOf(call.directory, call.tenantId, groupOf(call).members) }),
  },
  {
    method: 'POST',
    path: '/groups/:id/members/$ref',
    operation: 'GroupMemberAdd',
    body: 'reference',
    status: 204,
    act: async (call) => {
      const reference = GRAPH_BODIES.reference.check(call.body)['@odata.id'];
      const memberId = reference.slice(reference.lastIndexOf('/') + 1).toLowerCase();
      if (objectsOf(call.directory, call.tenantId, [memberId]).length === 0) {
        throw badParameter('@odata.id', 'a user, service principal or group of the tenant', reference);
      }
      await call.changes.addMember(groupOf(call), memberId);
      return undefined;
    },
  },
  {
    method: 'DELETE',
    path: '/groups/:id/members/:memberId/$ref',
    operation: 'GroupMemberRemove',
    status: 204,
    act: async (call) => {
      await call.changes.removeMember(groupOf(call), call.memberId);
      return undefined;
    },
  },
  {
    method: 'POST',
    path: '/directoryObjects/getByIds',
    operation: 'DirectoryObjectsGet',
    body: 'ids',
    status: 200,
    act: ({ directory, tenantId, body }) => ({
      value: objectsOf(
        directory,
        tenantId,
        GRAPH_BODIES.ids.check(body).ids.map((id) => id.toLowerCase()),
      ),
    }),
  },
];

/** Those that there are, in the order of their ids. */
function objectsOf(directory: Directory, tenantId: string, ids: readonly string[]): Record<string, unknown>[] {
  return ids.flatMap((id) => {
    const user = directory.findUserById(id);
    if (user?.tenantId === tenantId) return [userJson(user)];
    const principal = directory.findServicePrincipalById(id);
    if (principal?.tenantId === tenantId) return [servicePrincipalJson(principal)];
    const group = directory.objects.groups.find((each) => each.id === id && each.tenantId === tenantId);
    return group === undefined ? [] : [groupJson(group)];
  });
}
