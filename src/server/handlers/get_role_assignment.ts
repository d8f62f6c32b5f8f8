import type { Call } from '../route.ts';
import { targetScope } from '../target_scope.ts';
import { readRoleGuid } from '../wire/guid.ts';
import { roleAssignmentBody } from '../wire/role_assignment.ts';

/** At the scope of the path and at no other. */
export async function getRoleAssignment({ exchange, parts, key }: Call): Promise<string> {
  const id = readRoleGuid('assignment', exchange.target.parameters.id);
  return roleAssignmentBody(parts.roles.assignment(targetScope(exchange.route, key.name), id));
}
