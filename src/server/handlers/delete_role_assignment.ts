import { roleAssignmentTarget } from '../role_target.ts';
import type { Call } from '../route.ts';
import { targetScope } from '../target_scope.ts';
import { readRoleGuid } from '../wire/guid.ts';
import { roleAssignmentBody } from '../wire/role_assignment.ts';

export async function deleteRoleAssignment({ exchange, parts, key }: Call): Promise<string> {
  const id = readRoleGuid('assignment', exchange.target.parameters.id);
  const scope = targetScope(exchange.route, key.name);
  exchange.audit.target = roleAssignmentTarget(parts.roles.assignment(scope, id));
  return roleAssignmentBody(await parts.roles.removeAssignment(scope, id));
}
