import { randomUUID } from 'node:crypto';
import { POOL_SCOPE } from '../model/scope.ts';
import type { RoleAssignment } from './role_assignment.ts';
import type { ScopeContent } from './role_documents.ts';
import { isSame } from './role_rules.ts';

/** Roles that somebody holds at `/` from the beginning, so that there is somebody who can assign others. */
export interface FirstRoles {
  readonly principalId: string;
  readonly roleDefinitionIds: readonly string[];
}

/** Who was introduced before is left alone: what was taken from him since stays taken. */
export function withFirstRoles(content: ScopeContent, principals: readonly FirstRoles[]): ScopeContent {
  const news = principals.filter(({ principalId }) => !content.introduced.includes(principalId));
  if (news.length === 0) return content;
  const wanted = news.flatMap(({ principalId, roleDefinitionIds }) =>
    roleDefinitionIds.map(
      (roleDefinitionId): RoleAssignment => ({
        id: randomUUID(),
        principalId,
        roleDefinitionId,
        scope: POOL_SCOPE,
      }),
    ),
  );
  const missing = wanted.filter((each) => !content.assignments.some((held) => isSame(held, each)));
  return {
    assignments: [...content.assignments, ...missing],
    introduced: [...content.introduced, ...news.map(({ principalId }) => principalId)],
  };
}
