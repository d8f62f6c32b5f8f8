import type { DataDirectory } from './data_directory.ts';
import { readPrivateFile, writePrivateFile } from './private_file.ts';

/** What a client on this machine needs in its environment, in the order in which it is printed. */
export type ClientEnvironment = Readonly<Record<string, string>>;

export async function readClientEnvironment(directory: DataDirectory): Promise<ClientEnvironment | undefined> {
  const text = await readPrivateFile(directory.environment);
  return text === undefined ? undefined : (JSON.parse(text) as ClientEnvironment);
}

/** The one place where the client secret of the first application stands in the clear: for its owner alone to read. */
export async function writeClientEnvironment(directory: DataDirectory, environment: ClientEnvironment): Promise<void> {
  const text = `${JSON.stringify(environment, undefined, 2)}\n`;
  if ((await readPrivateFile(directory.environment)) !== text) await writePrivateFile(directory.environment, text);
}
