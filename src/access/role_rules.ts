import { LIMITS } from '../model/limits.ts';
import { BUILT_IN_ROLE_IDS, type RoleDefinition } from '../model/role.ts';
import { isWideScope, POOL_SCOPE } from '../model/scope.ts';
import type { RoleAssignment, RoleGrant } from './role_assignment.ts';
import type { ScopeContent } from './role_documents.ts';
import {
  lastAdministrator,
  roleAssignmentExists,
  roleAssignmentLimitReached,
  roleAssignmentNotFound,
  roleDefinitionLimitReached,
  roleDefinitionNotFound,
  roleInUse,
} from './role_refusal.ts';

/*
 * What may become of roles. As in Azure, who may assign roles may assign any of them: the rules are there for the pool and not for the caller.
 */

/** With one more. `others` are the assignments at other scopes. @throws StrongroomError `RoleAssignmentExists`, `BadParameter` */
export function withAssignment(
  content: ScopeContent,
  added: RoleAssignment,
  others: readonly RoleAssignment[],
): ScopeContent {
  const { assignments } = content;
  const known = assignments.some((each) => each.id === added.id || isSame(each, added));
  if (known || others.some(({ id }) => id === added.id)) throw roleAssignmentExists();
  const isWide = isWideScope(added.scope);
  const held = isWide
    ? others.filter(({ scope }) => isWideScope(scope)).length + assignments.length
    : assignments.length;
  const limit = isWide ? LIMITS.roleAssignmentsOfPool : LIMITS.roleAssignmentsPerKey;
  if (held >= limit) throw roleAssignmentLimitReached(added.scope, limit);
  return { ...content, assignments: [...assignments, added] };
}

/** @throws StrongroomError `RoleAssignmentNotFound`, `Conflict` */
export function withoutAssignment(content: ScopeContent, id: string): ScopeContent {
  const removed = content.assignments.find((each) => each.id === id);
  if (removed === undefined) throw roleAssignmentNotFound();
  const assignments = content.assignments.filter((each) => each !== removed);
  if (administers(removed) && !assignments.some(administers)) throw lastAdministrator();
  return { ...content, assignments };
}

/** With this one in the place of an older one of the same id. @throws StrongroomError `BadParameter` */
export function withDefinition(definitions: readonly RoleDefinition[], put: RoleDefinition): readonly RoleDefinition[] {
  if (definitions.some(({ id }) => id === put.id)) return definitions.map((each) => (each.id === put.id ? put : each));
  if (definitions.length >= LIMITS.roleDefinitions) throw roleDefinitionLimitReached();
  return [...definitions, put];
}

/** @throws StrongroomError `RoleDefinitionNotFound`, `Conflict` */
export function withoutDefinition(
  definitions: readonly RoleDefinition[],
  id: string,
  assignments: readonly RoleAssignment[],
): readonly RoleDefinition[] {
  if (!definitions.some((each) => each.id === id)) throw roleDefinitionNotFound();
  const uses = assignments.filter(({ roleDefinitionId }) => roleDefinitionId === id).length;
  if (uses > 0) throw roleInUse(uses);
  return definitions.filter((each) => each.id !== id);
}

export function isSame(one: RoleGrant, other: RoleGrant): boolean {
  return (
    one.principalId === other.principalId &&
    one.roleDefinitionId === other.roleDefinitionId &&
    one.scope === other.scope
  );
}

function administers({ roleDefinitionId, scope }: RoleGrant): boolean {
  return roleDefinitionId === BUILT_IN_ROLE_IDS.administrator && scope === POOL_SCOPE;
}
