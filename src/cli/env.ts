import { dataDirectory } from '../config/data_directory.ts';
import { type ClientEnvironment, readClientEnvironment } from '../config/environment_file.ts';
import { requireKnownIdentities } from './managed_identity.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';

export interface EnvOptions extends SettingOptions {
  /** For processes that are who their local user is: by this name, or by none. */
  readonly managedIdentity?: string | true;
}

/** Prints what a shell can evaluate. */
export async function env(options: EnvOptions): Promise<number> {
  const files = dataDirectory(readSettings(options).dataDir);
  const environment = await readClientEnvironment(files);
  if (environment === undefined) {
    console.error(`No server has been started with ${files.path} yet: run \`strongroom start\` first.`);
    return 1;
  }
  const { managedIdentity } = options;
  const printed = managedIdentity === undefined ? environment : await ofIdentity(options, environment, managedIdentity);
  for (const [name, value] of Object.entries(printed ?? {})) console.log(`export ${name}=${quoted(value)}`);
  return printed === undefined ? 1 : 0;
}

/** What client libraries read to ask the endpoint in the form of App Service: nothing in it says who they are but a name. */
async function ofIdentity(
  options: EnvOptions,
  environment: ClientEnvironment,
  name: string | true,
): Promise<ClientEnvironment | undefined> {
  const known = await requireKnownIdentities(options);
  if (known === undefined) return undefined;
  const identity = known.identities.find((each) => each.name === name);
  if (identity === undefined && name !== true) {
    console.error(`There is no managed identity ${JSON.stringify(name)} on this machine.`);
    return undefined;
  }
  const shared = Object.entries(environment).filter(([variable]) => !variable.startsWith('AZURE_'));
  return {
    ...Object.fromEntries(shared),
    IDENTITY_ENDPOINT: known.endpoint,
    IDENTITY_HEADER: known.header,
    ...(identity === undefined ? {} : { AZURE_CLIENT_ID: identity.clientId }),
  };
}

/** For any POSIX shell: nothing has a meaning between single quotes but the closing one. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
