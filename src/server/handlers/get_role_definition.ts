import type { Call } from '../route.ts';
import { readRoleGuid } from '../wire/guid.ts';
import { roleDefinitionBody } from '../wire/role_definition.ts';

export async function getRoleDefinition({ exchange, parts }: Call): Promise<string> {
  return roleDefinitionBody(parts.roles.definition(readRoleGuid('definition', exchange.target.parameters.id)));
}
