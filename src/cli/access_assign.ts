import { randomUUID } from 'node:crypto';
import { AccessClient, type ScopeOptions } from './access_client.ts';

export interface AccessAssignOptions extends ScopeOptions {
  readonly role: string;
  readonly principal: string;
}

/** Assigns a role, by its name or its GUID, and prints the GUID of the assignment. */
export async function assignAccess(options: AccessAssignOptions): Promise<number> {
  const client = await AccessClient.open(options);
  const role = await client.role(options.role);
  const id = randomUUID();
  await client.assign(id, role, options.principal);
  console.log(id);
  return 0;
}
