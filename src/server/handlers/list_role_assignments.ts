import type { Call } from '../route.ts';
import { targetScope } from '../target_scope.ts';
import { roleAssignmentList } from '../wire/role_assignment.ts';
import { readAssignmentFilter } from '../wire/role_filter.ts';

export async function listRoleAssignments({ exchange, parts, key }: Call): Promise<string> {
  const accepts = readAssignmentFilter(exchange.target.query.$filter, targetScope(exchange.route, key.name));
  return roleAssignmentList(parts.roles.assignments.filter(accepts));
}
