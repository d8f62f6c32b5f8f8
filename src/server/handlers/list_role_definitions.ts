import type { Call } from '../route.ts';
import { roleDefinitionList } from '../wire/role_definition.ts';
import { requireDefinitionFilter } from '../wire/role_filter.ts';

export async function listRoleDefinitions({ exchange, parts }: Call): Promise<string> {
  requireDefinitionFilter(exchange.target.query.$filter);
  return roleDefinitionList(parts.roles.definitions);
}
