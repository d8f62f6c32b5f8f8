import { AccessClient, type GivenAssignment, type ScopeOptions, wrong } from './access_client.ts';

export interface AccessRevokeOptions extends ScopeOptions {
  readonly id?: string | undefined;
  readonly role?: string | undefined;
  readonly principal?: string | undefined;
}

/** Takes back one assignment at the scope: the one of that GUID, or that of a role to a principal. */
export async function revokeAccess(options: AccessRevokeOptions): Promise<number> {
  const client = await AccessClient.open(options);
  const id = options.id ?? (await findAssignment(client, options)).name;
  await client.revoke(id);
  console.log(id);
  return 0;
}

async function findAssignment(
  client: AccessClient,
  { role: named, principal }: AccessRevokeOptions,
): Promise<GivenAssignment> {
  if (named === undefined || principal === undefined) throw wrong('--id', 'Expected --id, or --role and --principal.');
  const role = await client.role(named);
  const found = (await client.assignments(`principalId eq '${principal}'`)).find(
    ({ properties }) =>
      properties.scope === client.scope && properties.roleDefinitionId.toLowerCase().endsWith(role.name),
  );
  if (found === undefined) throw wrong('--principal', `${principal} is not assigned this role at ${client.scope}.`);
  return found;
}
