import type { RoleGrant } from '../../access/role_assignment.ts';
import { badParameter } from '../../model/errors.ts';
import { isWideScope, type Scope, scopeCovers } from '../../model/scope.ts';
import { readGuid } from './guid.ts';

type Accepts = (grant: RoleGrant) => boolean;

const PRINCIPAL = /^\s*principalId\s+eq\s+(?:'([^']*)'|(\S+))\s*$/i;
const AT_SCOPE = /^\s*atScope\(\)\s*$/i;
const AT_SCOPE_AND_BELOW = /^\s*atScopeAndBelow\(\)\s*$/i;

/**
 * Which assignments a list at a scope has: without a filter those of the scope, where `/` and `/keys` are one; `atScope()` those that hold for
 * it as well; `principalId eq X` those of X that hold for it or for part of it (Azure API §1.19).
 * @throws StrongroomError `BadParameter`
 */
export function readAssignmentFilter(filter: unknown, at: Scope): Accepts {
  if (filter === undefined) return isWideScope(at) ? ({ scope }) => isWideScope(scope) : ({ scope }) => scope === at;
  if (typeof filter === 'string') {
    if (AT_SCOPE.test(filter)) return ({ scope }) => scopeCovers(scope, at);
    const [, quoted, plain] = PRINCIPAL.exec(filter) ?? [];
    const named = quoted ?? plain;
    if (named !== undefined) {
      const wanted = readGuid('$filter', named);
      return ({ principalId, scope }) => principalId === wanted && (scopeCovers(scope, at) || scopeCovers(at, scope));
    }
  }
  throw badParameter('$filter', "atScope() or principalId eq 'ID'", filter);
}

/** All definitions are at `/`, which is at, above or below every scope. @throws StrongroomError `BadParameter` */
export function requireDefinitionFilter(filter: unknown): void {
  if (filter === undefined || (typeof filter === 'string' && AT_SCOPE_AND_BELOW.test(filter))) return;
  throw badParameter('$filter', 'atScopeAndBelow()', filter);
}
