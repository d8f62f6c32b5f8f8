import { AccessClient } from './access_client.ts';
import type { SettingOptions } from './read_settings.ts';

/** Prints every role definition: its GUID and its name, those of one's own with a star. */
export async function listRoles(options: SettingOptions): Promise<number> {
  const client = await AccessClient.open(options);
  for (const { name, properties } of await client.roles()) {
    console.log(`${name}  ${properties.roleName}${properties.type === 'CustomRole' ? ' *' : ''}`);
  }
  return 0;
}
