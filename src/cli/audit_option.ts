import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseHeads } from '../audit/heads_file.ts';
import type { SignedHead } from '../audit/tree_head.ts';
import { ConfigurationError } from '../config/configuration_error.ts';

/** Signed heads that were kept elsewhere. */
export interface HeadOptions {
  /** As JSON. */
  readonly head?: readonly string[];
  /** Files of them. */
  readonly heads?: readonly string[];
}

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

/** @throws ConfigurationError unless the file is a public key in PEM */
export async function readKeyOption(path: string): Promise<KeyObject> {
  const pem = await readOptionFile('--key', path);
  try {
    return createPublicKey(pem);
  } catch {
    throw wrongOption('--key', `${path} is no public key in PEM.`);
  }
}

/** @throws ConfigurationError unless they are signed heads */
export async function readHeadOptions({
  heads: paths = [],
  head: texts = [],
}: HeadOptions): Promise<readonly SignedHead[]> {
  const files = await Promise.all(paths.map((path) => readOptionFile('--heads', path)));
  return [...files, ...texts].flatMap((text) => {
    const heads = parseHeads(text);
    if (heads === undefined || heads.length === 0) throw wrongOption('--head', 'Expected signed heads, one a line.');
    return heads;
  });
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
