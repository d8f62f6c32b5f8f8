import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './softhsm_configuration.ts';

const TOKEN_FILE = 'token.object';
const OBJECT_FILE = /^(?<name>(?!token\.).+)\.object$/;
/** A generation number, and nothing of an object yet. */
const EMPTY_OBJECT_BYTES = 8;

/**
 * Puts tokens in order that were in use when somebody was killed. No library may have them open meanwhile.
 *
 * What makes a directory a token for SoftHSM is the file with label, PINs and flags. SoftHSM writes it anew at each login, by cutting it to
 * nothing and filling it again, so that who is killed in between leaves a token that SoftHSM does not know any more, and the pool's keys are
 * lost. So a copy of it is kept, and put back where the file was cut off. Files of objects that were never written are removed.
 */
export async function mendSoftHsmTokens(tokenDirectory: string, copyDirectory: string): Promise<void> {
  await mkdir(copyDirectory, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(tokenDirectory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const directory = join(tokenDirectory, entry.name);
    await mendToken(join(directory, TOKEN_FILE), join(copyDirectory, `${entry.name}.${TOKEN_FILE}`));
    await sweepObjects(directory);
  }
}

/** Another PIN or another flag leaves the file as long as it was: only one that was not written to its end is shorter. */
async function mendToken(path: string, copyPath: string): Promise<void> {
  const [content, copy] = await Promise.all([readIfThere(path), readIfThere(copyPath)]);
  if (content.length < copy.length) await replaceFile(path, copy);
  else if (!content.equals(copy)) await replaceFile(copyPath, content);
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
