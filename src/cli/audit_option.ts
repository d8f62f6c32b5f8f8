import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '../config/configuration_error.ts';

/** @throws ConfigurationError unless it is a whole number from 1 on */
export function readCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw wrongOption(option, `Expected a whole number from 1 on, received ${JSON.stringify(text)}.`);
}

/** @throws ConfigurationError unless it is a time in ISO 8601 */
export function readTime(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw wrongOption(option, `Expected a time such as 2026-01-31T12:00:00Z, received ${JSON.stringify(text)}.`);
}

/** @throws ConfigurationError when the file cannot be read */
export async function readOptionFile(option: string, path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw wrongOption(option, `${path} cannot be read (${error.code}).`);
  });
}

export function wrongOption(path: string, message: string): ConfigurationError {
  return new ConfigurationError([{ path, message }]);
}
