import type { RoleAssignment } from '../access/role_assignment.ts';

/** What the audit log calls a role assignment: with who holds which role by it, because that is what matters afterwards. */
export function roleAssignmentTarget({ id, principalId, roleDefinitionId }: RoleAssignment): string {
  return `roleAssignments/${id} principals/${principalId} roleDefinitions/${roleDefinitionId}`;
}

export function roleDefinitionTarget(id: string): string {
  return `roleDefinitions/${id}`;
}
