import type { Application, Group, ServicePrincipal, User } from '../../identity/embedded/directory_objects.ts';
import { StrongroomError } from '../../model/errors.ts';
import type { GraphAnswer, GraphCall } from './graph_route.ts';

/** Objects of the tenant that a call is about. Those of another are not there. @throws StrongroomError `NotFound` */
export function applicationOf({ directory, tenantId, id }: GraphCall): Application {
  const { applications } = directory.objects;
  return found(applications.find((each) => [each.id, each.clientId].includes(id) && each.tenantId === tenantId));
}

export function servicePrincipalOf({ directory, tenantId, id }: GraphCall): ServicePrincipal {
  const principal = directory.findServicePrincipalById(id);
  return found(principal?.tenantId === tenantId ? principal : undefined);
}

/** By id, or by the name that people type. */
export function userOf({ directory, tenantId, id }: GraphCall): User {
  const user = directory.findUserById(id) ?? directory.findUser(tenantId, id);
  return found(user?.tenantId === tenantId ? user : undefined);
}

export function groupOf({ directory, tenantId, id }: GraphCall): Group {
  return found(directory.objects.groups.find((each) => each.id === id && each.tenantId === tenantId));
}

/** What is of the tenant and, where the call has a filter, has that value in that member. */
export function listOf<T extends { readonly tenantId: string }>(
  { tenantId, filter }: GraphCall,
  objects: readonly T[],
  toJson: (object: T) => Record<string, unknown>,
): GraphAnswer {
  const all = objects.filter((each) => each.tenantId === tenantId).map(toJson);
  return { value: filter === undefined ? all : all.filter((each) => each[filter.member] === filter.value) };
}

function found<T>(object: T | undefined): T {
  if (object !== undefined) return object;
  throw new StrongroomError('NotFound', 'The resource does not exist, or one of the objects that it refers to.');
}
