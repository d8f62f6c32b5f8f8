import { dataDirectory } from '../config/data_directory.ts';
import { readClientEnvironment } from '../config/environment_file.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';

/** Prints what a shell can evaluate. */
export async function env(options: SettingOptions): Promise<number> {
  const files = dataDirectory(readSettings(options).dataDir);
  const environment = await readClientEnvironment(files);
  if (environment === undefined) {
    console.error(`No server has been started with ${files.path} yet: run \`strongroom start\` first.`);
    return 1;
  }
  for (const [name, value] of Object.entries(environment)) console.log(`export ${name}=${quoted(value)}`);
  return 0;
}

/** For any POSIX shell: nothing has a meaning between single quotes but the closing one. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
