import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Scope } from '../model/scope.ts';

/*
 * What a change of roles is refused with. Where the live service's words are known they are these (Azure API §1.19).
 */

export function roleAssignmentNotFound(): StrongroomError {
  return new StrongroomError('RoleAssignmentNotFound', 'Requested role assignment not found');
}

export function roleAssignmentExists(): StrongroomError {
  return new StrongroomError('RoleAssignmentExists', 'The role assignment already exists');
}

export function roleDefinitionNotFound(): StrongroomError {
  return new StrongroomError('RoleDefinitionNotFound', 'Requested role definition not found');
}

export function unknownRole(id: string): StrongroomError {
  return new StrongroomError('BadParameter', `There is no role definition ${id}.`, {
    innerCode: 'RoleDefinitionNotFound',
  });
}

export function builtInRoleName(): StrongroomError {
  return new StrongroomError(
    'BadParameter',
    'Cannot re-use the name/GUID matching that of a built-in role. Please use a unique role ID.',
  );
}

export function builtInRoleStays(): StrongroomError {
  return new StrongroomError('BadParameter', 'A built-in role cannot be deleted.');
}

export function roleInUse(assignments: number): StrongroomError {
  const what = assignments === 1 ? 'a role assignment names' : `${assignments} role assignments name`;
  return new StrongroomError('Conflict', `The role definition cannot be deleted while ${what} it.`, {
    innerCode: 'RoleDefinitionHasAssignments',
  });
}

export function roleDefinitionLimitReached(): StrongroomError {
  const message = `The HSM pool holds ${LIMITS.roleDefinitions} custom role definitions, and no more fit in.`;
  return new StrongroomError('BadParameter', message, { innerCode: 'RoleDefinitionLimitReached' });
}

export function roleAssignmentLimitReached(scope: Scope, limit: number): StrongroomError {
  const message = `There can be ${limit} role assignments at ${scope}, and no more fit in.`;
  return new StrongroomError('BadParameter', message, { innerCode: 'RoleAssignmentLimitReached' });
}

/** Who could not be let in again by anybody would have lost the pool. */
export function lastAdministrator(): StrongroomError {
  const message =
    'The last assignment of the Managed HSM Administrator at / cannot be deleted: nobody would be left who administers the pool. ' +
    'Assign the role to somebody else first.';
  return new StrongroomError('Conflict', message, { innerCode: 'LastAdministrator' });
}

/** While this is so, nobody is let in. */
export function rolesUnreadable(cause: unknown): StrongroomError {
  if (cause instanceof StrongroomError && cause.code === 'StoreTampered') return cause;
  const message = 'The roles cannot be read at present, and without them nobody is let in.';
  return new StrongroomError('ServiceUnavailable', message, { innerCode: 'RolesUnreadable', cause });
}
