import type { Scope } from '../model/scope.ts';

/** That a principal (or a group) holds a role at a scope. */
export interface RoleGrant {
  /** Object id of a user, group or service principal, in lower case. */
  readonly principalId: string;
  /** GUID of the role definition, in lower case. */
  readonly roleDefinitionId: string;
  readonly scope: Scope;
}

/** A grant that somebody has made, and can take back. */
export interface RoleAssignment extends RoleGrant {
  /** A GUID in lower case. */
  readonly id: string;
  /** How whoever made it named the definition; he is told the same again, because clients compare it. Absent for what we made ourselves. */
  readonly roleDefinitionName?: string | undefined;
}
