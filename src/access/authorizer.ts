import { StrongroomError } from '../model/errors.ts';
import type { SecurityPrincipal } from '../model/principal.ts';
import type { DataAction, RoleDefinition } from '../model/role.ts';
import { type Scope, scopeCovers } from '../model/scope.ts';
import type { RoleAssignment } from './role_assignment.ts';

interface Grant {
  readonly scope: Scope;
  readonly dataActions: ReadonlySet<DataAction>;
}

/**
 * May they? What no assignment grants is denied; assignments of the caller and of the caller's groups add up (Azure API §3.4).
 */
export class Authorizer {
  readonly #grants: ReadonlyMap<string, readonly Grant[]>;

  /** @throws TypeError when an assignment names a role that `roles` has not. */
  constructor(roles: ReadonlyMap<string, RoleDefinition>, assignments: readonly RoleAssignment[]) {
    const grants = new Map<string, Grant[]>();
    for (const { principalId, roleDefinitionId, scope } of assignments) {
      const role = roles.get(roleDefinitionId);
      if (role === undefined) throw new TypeError(`No role definition ${roleDefinitionId}.`);
      const held = grants.get(principalId);
      const grant = { scope, dataActions: role.dataActions };
      if (held === undefined) grants.set(principalId, [grant]);
      else held.push(grant);
    }
    this.#grants = grants;
  }

  /** @throws StrongroomError `AccessDenied`, which names the data action and the scope and nothing of what the caller may do elsewhere. */
  authorize(principal: SecurityPrincipal, action: DataAction, target: Scope): void {
    if (!this.allows(principal, action, target)) throw denied(action, target);
  }

  /** One of them is enough. @throws StrongroomError `AccessDenied` */
  authorizeAny(principal: SecurityPrincipal, actions: readonly DataAction[], target: Scope): void {
    if (!actions.some((action) => this.allows(principal, action, target))) throw denied(actions.join(' or '), target);
  }

  allows(principal: SecurityPrincipal, action: DataAction, target: Scope): boolean {
    if (this.#holds(principal.objectId, action, target)) return true;
    for (const group of principal.groups) {
      if (this.#holds(group, action, target)) return true;
    }
    return false;
  }

  #holds(principalId: string, action: DataAction, target: Scope): boolean {
    const grants = this.#grants.get(principalId);
    if (grants === undefined) return false;
    for (const grant of grants) {
      if (grant.dataActions.has(action) && scopeCovers(grant.scope, target)) return true;
    }
    return false;
  }
}

function denied(actions: string, target: Scope): StrongroomError {
  return new StrongroomError('AccessDenied', `Not authorized to access ${actions} on ${target}`);
}
