import { roleDefinitionTarget } from '../role_target.ts';
import type { Call } from '../route.ts';
import { readRoleGuid } from '../wire/guid.ts';
import { type RoleDefinitionPutBody, readRoleDefinition, roleDefinitionBody } from '../wire/role_definition.ts';

/** A new one, or another content for one that is there. */
export async function putRoleDefinition({ exchange, parts }: Call, body: RoleDefinitionPutBody): Promise<string> {
  const definition = readRoleDefinition(readRoleGuid('definition', exchange.target.parameters.id), body);
  exchange.audit.target = roleDefinitionTarget(definition.id);
  await parts.roles.putDefinition(definition);
  return roleDefinitionBody(definition);
}
