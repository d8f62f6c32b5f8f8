import type { SettingOptions } from './read_settings.ts';
import { ServiceClient } from './service_client.ts';

interface TokenRemoveOptions extends SettingOptions {
  /** Although keys are in it alone, or it cannot be asked. */
  readonly leaveKeys?: boolean;
}

/** Takes a token out of the pool. It is left as it is, pool keys and all. */
export async function removeToken(options: TokenRemoveOptions, name: string): Promise<number> {
  const client = await ServiceClient.open(options);
  const query = options.leaveKeys === true ? '?leaveKeys=true' : '';
  await client.askPool('DELETE', `/tokens/${encodeURIComponent(name)}${query}`);
  console.log(`${name} is not of the pool any more.`);
  return 0;
}
