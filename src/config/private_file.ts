import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

const OWNER_ONLY = 0o600;

/**
 * Writes a file that nobody else may read, whole or not at all: under another name first, synced, then renamed into place.
 * What has been awaited survives a power cut.
 */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, OWNER_ONLY);
  try {
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // A disk that has failed once may fail here too, and the first error is the one to tell.
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** The content, or `undefined` when there is no such file. Refuses one that others may read or change. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) {
      throw new Error(`${path} is open to other users (mode ${(mode & 0o777).toString(8)}): set it to 600.`);
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** The content that the file has; what `make` gives, from now on, when there is no such file. */
export async function keepPrivateFile(path: string, make: () => string | Promise<string>): Promise<string> {
  const kept = await readPrivateFile(path);
  if (kept !== undefined) return kept;
  const made = await make();
  await writePrivateFile(path, made);
  return made;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
