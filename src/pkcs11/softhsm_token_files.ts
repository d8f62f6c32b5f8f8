import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './softhsm_configuration.ts';

const TOKEN_FILE = 'token.object';
const OBJECT_FILE = /^(?<name>(?!token\.).+)\.object$/;
/** A generation number, and nothing of an object yet. */
const EMPTY_OBJECT_BYTES = 8;

/**
 * Puts tokens in order that were in use when somebody was killed: their own files, and those of objects that were never written, which
 * are removed. No library may have them open meanwhile.
 */
export async function mendSoftHsmTokens(tokenDirectory: string, copyDirectory: string): Promise<void> {
  await mendSoftHsmTokenFiles(tokenDirectory, copyDirectory);
  for (const directory of await directoriesIn(tokenDirectory)) await sweepObjects(join(tokenDirectory, directory));
}

/**
 * What makes a directory a token for SoftHSM is the file with label, PINs and flags. SoftHSM writes it anew at each login, by cutting it to
 * nothing and filling it again, so that who is killed in between, or whose disk is full then, leaves a token that SoftHSM does not know any
 * more, and the pool's keys are lost. So a copy of it is kept, and put back where the file was cut off. Nobody may log in meanwhile.
 */
export async function mendSoftHsmTokenFiles(tokenDirectory: string, copyDirectory: string): Promise<void> {
  await mkdir(copyDirectory, { recursive: true, mode: 0o700 });
  for (const directory of await directoriesIn(tokenDirectory)) {
    const copyPath = join(copyDirectory, `${directory}.${TOKEN_FILE}`);
    await mendToken(join(tokenDirectory, directory, TOKEN_FILE), copyPath);
  }
}

async function directoriesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/**
 * Another PIN or another flag leaves the file as long as it was: only one that was not written to its end is shorter. The copy is always made
 * anew: a disk that does not take it would not take the file at the next login either.
 */
async function mendToken(path: string, copyPath: string): Promise<void> {
  const [content, copy] = await Promise.all([readIfThere(path), readIfThere(copyPath)]);
  if (content.length < copy.length) await replaceFile(path, copy);
  else await replaceFile(copyPath, content);
}

async function sweepObjects(directory: string): Promise<void> {
  for (const file of await readdir(directory)) {
    const name = OBJECT_FILE.exec(file)?.groups?.name;
    if (name === undefined || (await stat(join(directory, file))).size > EMPTY_OBJECT_BYTES) continue;
    for (const each of [file, `${name}.lock`]) await rm(join(directory, each), { force: true });
  }
}

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
