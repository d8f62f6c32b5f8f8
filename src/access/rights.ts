import { type DataAction, grantedActions, type RoleDefinition } from '../model/role.ts';
import { KEYS_SCOPE, POOL_SCOPE, type Scope } from '../model/scope.ts';
import type { RoleGrant } from './role_assignment.ts';

type ActionsByScope = Map<Scope, Set<DataAction>>;

/** What everybody may do, compiled for one question: does this principal hold this action for this scope? Never changed, only replaced. */
export class Rights {
  readonly #held = new Map<string, ActionsByScope>();

  /** A grant of a role that there is not (any more) grants nothing. */
  constructor(definitions: ReadonlyMap<string, RoleDefinition>, grants: Iterable<RoleGrant>) {
    const actionsOf = new Map<string, ReadonlySet<DataAction>>();
    for (const [id, definition] of definitions) actionsOf.set(id, grantedActions(definition));
    for (const { principalId, roleDefinitionId, scope } of grants) {
      const scopes: ActionsByScope = this.#held.get(principalId) ?? new Map();
      const held = scopes.get(scope) ?? new Set();
      for (const action of actionsOf.get(roleDefinitionId) ?? []) held.add(action);
      this.#held.set(principalId, scopes.set(scope, held));
    }
  }

  /** By the principal's own grants; those of its groups are the groups'. */
  hold(principalId: string, action: DataAction, target: Scope): boolean {
    const scopes = this.#held.get(principalId);
    if (scopes === undefined) return false;
    if (scopes.get(POOL_SCOPE)?.has(action)) return true;
    if (target === POOL_SCOPE) return false;
    if (scopes.get(KEYS_SCOPE)?.has(action)) return true;
    return target !== KEYS_SCOPE && scopes.get(target)?.has(action) === true;
  }
}
