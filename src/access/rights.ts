import { type DataAction, grantedActions, type RoleDefinition } from '../model/role.ts';
import { KEYS_SCOPE, POOL_SCOPE, type Scope } from '../model/scope.ts';
import type { RoleGrant } from './role_assignment.ts';

type PrincipalsByRole = Map<string, Set<string>>;

/** What everybody may do, compiled for one question: does one of these hold this action for this scope? Never changed, only replaced. */
export class Rights {
  readonly #rolesWith = new Map<DataAction, Set<string>>();
  readonly #holders = new Map<Scope, PrincipalsByRole>();

  /** A grant of a role that there is not (any more) grants nothing. */
  constructor(definitions: ReadonlyMap<string, RoleDefinition>, grants: Iterable<RoleGrant>) {
    for (const [id, definition] of definitions) {
      for (const action of grantedActions(definition)) added(this.#rolesWith, action, () => new Set<string>()).add(id);
    }
    for (const { principalId, roleDefinitionId, scope } of grants) {
      const byRole = added(this.#holders, scope, (): PrincipalsByRole => new Map());
      added(byRole, roleDefinitionId, () => new Set<string>()).add(principalId);
    }
  }

  /** Everything that covers the target is asked: the pool, all keys, the key. */
  allow(principalId: string, groups: readonly string[], action: DataAction, target: Scope): boolean {
    const roles = this.#rolesWith.get(action);
    if (roles === undefined) return false;
    if (this.#isHeld(roles, POOL_SCOPE, principalId, groups)) return true;
    if (target === POOL_SCOPE) return false;
    if (this.#isHeld(roles, KEYS_SCOPE, principalId, groups)) return true;
    return target !== KEYS_SCOPE && this.#isHeld(roles, target, principalId, groups);
  }

  #isHeld(roles: ReadonlySet<string>, scope: Scope, principalId: string, groups: readonly string[]): boolean {
    const byRole = this.#holders.get(scope);
    if (byRole === undefined) return false;
    for (const [role, principals] of byRole) {
      if (!roles.has(role)) continue;
      if (principals.has(principalId) || groups.some((group) => principals.has(group))) return true;
    }
    return false;
  }
}

/** What the map has under the key, put there when it had nothing. */
function added<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
