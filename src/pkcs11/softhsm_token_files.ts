import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './softhsm_configuration.ts';

const TOKEN_FILE = 'token.object';

/**
 * Keeps a copy of what makes a directory a token for SoftHSM: the file with label, PINs and flags. SoftHSM writes it anew at each login,
 * by cutting it to nothing and filling it again, so that who is killed in between leaves a token that SoftHSM does not know any more, and
 * with it the keys of the pool. Such a file is replaced by its copy. No library may have the tokens open meanwhile.
 */
export async function mendSoftHsmTokens(tokenDirectory: string, copyDirectory: string): Promise<void> {
  await mkdir(copyDirectory, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(tokenDirectory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    await mendToken(join(tokenDirectory, entry.name, TOKEN_FILE), join(copyDirectory, `${entry.name}.${TOKEN_FILE}`));
  }
}

/** Another PIN or another flag leaves the file as long as it was: only one that was not written to its end is shorter. */
async function mendToken(path: string, copyPath: string): Promise<void> {
  const [content, copy] = await Promise.all([readIfThere(path), readIfThere(copyPath)]);
  if (content.length < copy.length) await replaceFile(path, copy);
  else if (!content.equals(copy)) await replaceFile(copyPath, content);
}

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
