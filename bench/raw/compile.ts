import { execFile } from 'node:child_process';
import { mkdir, rename, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
const SOURCES = ['raw_loop.c', 'json_line.h'].map((name) => join(here, name));
const BINARY = fileURLToPath(new URL('../../build/bench/raw_loop', import.meta.url));
const WARNINGS = ['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Werror'];

/** Path of the raw C loop, compiled when it is not there yet or older than its sources. */
export async function compileRawLoop(): Promise<string> {
  const changed = await Promise.all(SOURCES.map(modified));
  if ((await modified(BINARY)) > Math.max(...changed)) return BINARY;
  await mkdir(dirname(BINARY), { recursive: true });
  const pkcs11js = dirname(createRequire(import.meta.url).resolve('pkcs11js/package.json'));
  const include = `-I${join(pkcs11js, 'includes', 'pkcs11')}`;
  // Under a name of its own until it is whole: another process may compile it, or start it, at the same time.
  const written = `${BINARY}.${process.pid}`;
  await run('cc', ['-O2', '-std=gnu17', ...WARNINGS, include, '-o', written, SOURCES[0]!, '-pthread', '-ldl']);
  await rename(written, BINARY);
  return BINARY;
}

async function modified(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
}
