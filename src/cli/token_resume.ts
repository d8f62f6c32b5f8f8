import type { SettingOptions } from './read_settings.ts';
import { ServiceClient } from './service_client.ts';
import type { GivenToken } from './token_line.ts';

/** Puts a token back into service, or has what keeps it from serving tried anew. */
export async function resumeToken(options: SettingOptions, name: string): Promise<number> {
  const client = await ServiceClient.open(options);
  const { state } = (await client.askPool('POST', `/tokens/${encodeURIComponent(name)}/resume`)).json as GivenToken;
  console.log(state === 'healthy' ? `${name} is in service.` : `${name} is ${state}, and is asked again now.`);
  return 0;
}
