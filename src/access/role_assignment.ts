import type { Scope } from '../model/scope.ts';

/** That a principal (or a group) holds a role at a scope. */
export interface RoleAssignment {
  /** Object id of a user, group or service principal. */
  readonly principalId: string;
  /** GUID of the role definition. */
  readonly roleDefinitionId: string;
  readonly scope: Scope;
}
