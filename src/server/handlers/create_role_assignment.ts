import { roleAssignmentTarget } from '../role_target.ts';
import type { Call } from '../route.ts';
import { targetScope } from '../target_scope.ts';
import { readRoleGuid } from '../wire/guid.ts';
import { type RoleAssignmentCreateBody, readRoleAssignment, roleAssignmentBody } from '../wire/role_assignment.ts';

/** Whether there is a key of the scope's name is not looked at: a role may be there before the key, and nobody learns anything by it. */
export async function createRoleAssignment(
  { exchange, parts, key }: Call,
  body: RoleAssignmentCreateBody,
): Promise<string> {
  const id = readRoleGuid('assignment', exchange.target.parameters.id);
  const assignment = readRoleAssignment(targetScope(exchange.route, key.name), id, body);
  exchange.audit.target = roleAssignmentTarget(assignment);
  await parts.roles.addAssignment(assignment);
  return roleAssignmentBody(assignment);
}
