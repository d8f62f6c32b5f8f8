import type { DataAction, RoleDefinition } from '../model/role.ts';
import { grantedActions } from '../model/role.ts';
import { type Scope, scopeCovers } from '../model/scope.ts';
import type { RoleAssignment } from './role_assignment.ts';

export interface AccessQuestion {
  readonly principalId: string;
  readonly groups: readonly string[];
  readonly action: DataAction;
  readonly scope: Scope;
}

/** An assignment of the principal, or of a group of his. */
export interface HeldRole {
  readonly assignment: RoleAssignment;
  /** Undefined when the definition is gone: then it grants nothing. */
  readonly definition: RoleDefinition | undefined;
}

/** Why somebody may do something, or what is missing. */
export interface AccessExplanation {
  readonly question: AccessQuestion;
  /** What allows it; where there is nothing, it is not allowed. */
  readonly allowedBy: readonly HeldRole[];
  /** Roles with the action, but not for this scope. */
  readonly elsewhere: readonly HeldRole[];
  /** Roles for this scope, but without the action. */
  readonly withoutAction: readonly HeldRole[];
  /** Roles that have the action, whoever holds them. */
  readonly roles: readonly RoleDefinition[];
}

/** Answers what the authorizer answers, one assignment after the other, and keeps the reasons. */
export function explainAccess(
  question: AccessQuestion,
  definitions: readonly RoleDefinition[],
  assignments: readonly RoleAssignment[],
): AccessExplanation {
  const { principalId, groups, action, scope } = question;
  const roles = definitions.filter((definition) => grantedActions(definition).has(action));
  const allowing = new Set(roles);
  const held = assignments
    .filter((each) => each.principalId === principalId || groups.includes(each.principalId))
    .map(
      (assignment): HeldRole => ({
        assignment,
        definition: definitions.find(({ id }) => id === assignment.roleDefinitionId),
      }),
    );
  const hasAction = ({ definition }: HeldRole): boolean => definition !== undefined && allowing.has(definition);
  const covers = ({ assignment }: HeldRole): boolean => scopeCovers(assignment.scope, scope);
  return {
    question,
    allowedBy: held.filter((each) => hasAction(each) && covers(each)),
    elsewhere: held.filter((each) => hasAction(each) && !covers(each)),
    withoutAction: held.filter((each) => !hasAction(each) && covers(each)),
    roles,
  };
}
