import { roleDefinitionTarget } from '../role_target.ts';
import type { Call } from '../route.ts';
import { readRoleGuid } from '../wire/guid.ts';
import { roleDefinitionBody } from '../wire/role_definition.ts';

export async function deleteRoleDefinition({ exchange, parts }: Call): Promise<string> {
  const id = readRoleGuid('definition', exchange.target.parameters.id);
  exchange.audit.target = roleDefinitionTarget(id);
  return roleDefinitionBody(await parts.roles.removeDefinition(id));
}
