import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '../config/configuration_error.ts';
import { dataDirectory } from '../config/data_directory.ts';
import { type ClientEnvironment, readClientEnvironment } from '../config/environment_file.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';

/** Where a server is, and what is shown to it. */
export interface ServiceConnection {
  readonly url: string;
  readonly authorityHost: string;
  readonly tenant: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** In PEM: believed beside those of the system. */
  readonly certificateAuthority: string | undefined;
}

/**
 * Of the server that the variables name, as every client of Azure reads them; without STRONGROOM_URL, or with a data directory on the
 * command line, of the server on this machine, as `strongroom env` prints it.
 * @throws ConfigurationError
 */
export async function readConnection(options: SettingOptions): Promise<ServiceConnection> {
  const environment =
    options.dataDir === undefined && process.env.STRONGROOM_URL !== undefined
      ? (process.env as ClientEnvironment)
      : await localEnvironment(options);
  const problems: { path: string; message: string }[] = [];
  const read = (path: string): string => {
    const value = environment[path] ?? '';
    if (value === '') problems.push({ path, message: 'Expected a value, received none.' });
    return value;
  };
  const url = readOrigin('STRONGROOM_URL', read, problems);
  const authorityHost = readOrigin('AZURE_AUTHORITY_HOST', read, problems);
  const [tenant, clientId, clientSecret] = [
    read('AZURE_TENANT_ID'),
    read('AZURE_CLIENT_ID'),
    read('AZURE_CLIENT_SECRET'),
  ];
  const authorityPath = environment.NODE_EXTRA_CA_CERTS;
  const certificateAuthority = authorityPath === undefined ? undefined : await readAuthority(authorityPath, problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { url, authorityHost, tenant, clientId, clientSecret, certificateAuthority };
}

async function localEnvironment(options: SettingOptions): Promise<ClientEnvironment> {
  const files = dataDirectory(readSettings(options).dataDir);
  const environment = await readClientEnvironment(files);
  if (environment !== undefined) return environment;
  const message = `No server has been started with ${files.path} yet: run \`strongroom start\` first.`;
  throw new ConfigurationError([{ path: 'dataDir', message }]);
}

/** Secrets go there, so it is https and nothing else. */
function readOrigin(
  path: string,
  read: (path: string) => string,
  problems: { path: string; message: string }[],
): string {
  const text = read(path);
  if (text === '') return text;
  if (URL.canParse(text) && new URL(text).protocol === 'https:') return new URL(text).origin;
  problems.push({ path, message: `Expected a URL with https, received ${JSON.stringify(text)}.` });
  return '';
}

async function readAuthority(path: string, problems: { path: string; message: string }[]): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const message = `${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`;
    problems.push({ path: 'NODE_EXTRA_CA_CERTS', message });
    return undefined;
  }
}
