import { AccessClient, type GivenRole, type ScopeOptions } from './access_client.ts';

export interface AccessListOptions extends ScopeOptions {
  readonly principal?: string | undefined;
}

/** Prints the assignments at a scope, or with a principal those of his that touch it. */
export async function listAccess(options: AccessListOptions): Promise<number> {
  const { principal } = options;
  const client = await AccessClient.open(options);
  const [roles, assignments] = await Promise.all([
    client.roles(),
    client.assignments(principal === undefined ? undefined : `principalId eq '${principal}'`),
  ]);
  for (const { name, properties } of assignments) {
    const { scope, roleDefinitionId, principalId } = properties;
    console.log(`${name}  ${principalId}  ${scope}  ${roleName(roles, roleDefinitionId)}`);
  }
  return 0;
}

function roleName(roles: readonly GivenRole[], roleDefinitionId: string): string {
  const guid = roleDefinitionId.slice(roleDefinitionId.lastIndexOf('/') + 1).toLowerCase();
  return roles.find(({ name }) => name === guid)?.properties.roleName ?? guid;
}
