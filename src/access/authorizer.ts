import { StrongroomError } from '../model/errors.ts';
import type { SecurityPrincipal } from '../model/principal.ts';
import type { DataAction, RoleDefinition } from '../model/role.ts';
import type { Scope } from '../model/scope.ts';
import { Rights } from './rights.ts';
import type { RoleGrant } from './role_assignment.ts';

/**
 * May they? What no assignment grants is denied; assignments of the caller and of the caller's groups add up (Azure API §3.4). While nobody
 * knows what is granted, nobody is let in: every question is answered with the reason.
 */
export class Authorizer {
  #rights: Rights | StrongroomError;

  constructor(definitions: ReadonlyMap<string, RoleDefinition>, grants: Iterable<RoleGrant>) {
    this.#rights = new Rights(definitions, grants);
  }

  /** From now on these decide, all at once. */
  replace(definitions: ReadonlyMap<string, RoleDefinition>, grants: Iterable<RoleGrant>): void {
    this.#rights = new Rights(definitions, grants);
  }

  /** Lets nobody in until there are others that decide. */
  shut(reason: StrongroomError): void {
    this.#rights = reason;
  }

  /** @throws StrongroomError `AccessDenied`, which names the data action and the scope and nothing of what the caller may do elsewhere. */
  authorize(principal: SecurityPrincipal, action: DataAction, target: Scope): void {
    if (!this.allows(principal, action, target)) throw denied(action, target);
  }

  /** One of them is enough. @throws StrongroomError `AccessDenied` */
  authorizeAny(principal: SecurityPrincipal, actions: readonly DataAction[], target: Scope): void {
    if (!actions.some((action) => this.allows(principal, action, target))) throw denied(actions.join(' or '), target);
  }

  /** @throws StrongroomError the reason why nobody is let in */
  allows({ objectId, groups }: SecurityPrincipal, action: DataAction, target: Scope): boolean {
    const rights = this.#rights;
    if (rights instanceof StrongroomError) throw rights;
    return rights.allow(objectId, groups, action, target);
  }
}

function denied(actions: string, target: Scope): StrongroomError {
  return new StrongroomError('AccessDenied', `Not authorized to access ${actions} on ${target}`);
}
