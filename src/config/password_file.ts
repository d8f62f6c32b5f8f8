import { ConfigurationError } from './configuration_error.ts';
import { readPrivateFile } from './private_file.ts';

/**
 * The password in a file that its owner alone can read, without the end of its line. Read again for each use, so that it may change, and so
 * that nothing of it is kept.
 * @throws ConfigurationError
 */
export async function readPasswordFile(path: string, setting: string): Promise<string> {
  let content: string | undefined;
  try {
    content = await readPrivateFile(path);
  } catch (error) {
    throw unusable(setting, (error as Error).message);
  }
  const password = content?.replace(/\r?\n$/, '');
  if (password === undefined) throw unusable(setting, `${path} is not there.`);
  if (password === '') throw unusable(setting, `${path} is empty.`);
  return password;
}

function unusable(path: string, message: string): ConfigurationError {
  return new ConfigurationError([{ path, message }]);
}
