import type { AskDirectory, IdentityVerb } from './identity_verbs.ts';
import type { SettingOptions } from './read_settings.ts';
import { ServiceClient } from './service_client.ts';

export interface IdentityOptions extends SettingOptions {
  readonly tenant?: string;
}

/** Asks the directory, and prints what it answers. */
export async function askIdentity(
  { run }: IdentityVerb,
  options: IdentityOptions,
  args: readonly string[],
): Promise<number> {
  const client = await ServiceClient.open(options);
  const query = options.tenant === undefined ? '' : `?tenantId=${encodeURIComponent(options.tenant)}`;
  const ask: AskDirectory = async (method, path, body) => {
    const { json } = await client.askDirectory(method, `${path}${query}`, body);
    return json as Record<string, unknown>;
  };
  const answer = await run(ask, args, options as Readonly<Record<string, string | boolean | undefined>>);
  if (answer !== undefined) console.log(JSON.stringify(answer, undefined, 2));
  return 0;
}
