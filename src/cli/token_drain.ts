import type { SettingOptions } from './read_settings.ts';
import { ServiceClient } from './service_client.ts';
import type { GivenToken } from './token_line.ts';

/** Has a token finish what it is at, and get nothing new. 1 when it is at something still. */
export async function drainToken(options: SettingOptions, name: string): Promise<number> {
  const client = await ServiceClient.open(options);
  const { inFlight } = (await client.askPool('POST', `/tokens/${encodeURIComponent(name)}/drain`)).json as GivenToken;
  if (inFlight === 0) {
    console.log(`${name} is out of service.`);
    return 0;
  }
  console.log(`${name} gets nothing new, and is at ${inFlight} operations still.`);
  return 1;
}
