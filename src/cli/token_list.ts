import type { SettingOptions } from './read_settings.ts';
import { ServiceClient } from './service_client.ts';
import { type GivenToken, tokenLine } from './token_line.ts';

/** Prints a line for each token that the machine of the server knows: its name, its state, and what it works with. */
export async function listTokens(options: SettingOptions): Promise<number> {
  const client = await ServiceClient.open(options);
  const { tokens } = (await client.askPool('GET', '/tokens')).json as { readonly tokens: readonly GivenToken[] };
  const width = Math.max(...tokens.map(({ name }) => name.length));
  for (const token of tokens) console.log(tokenLine(token, width));
  return 0;
}
