import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncEntry } from './softhsm_configuration.ts';

/** Whoever makes an object fills its file at once, and nobody writes to it again. */
const SETTLED_MS = 2_000;
/** In a lock file is nothing, and SoftHSM makes one where it finds none. */
const LOCK_ENDING = '.lock';
/** These are written to as long as the token is in use. */
const NEVER_SETTLED: ReadonlySet<string> = new Set(['token.object', 'generation']);

/**
 * Brings tokens to disk: SoftHSM writes their objects without fsync, so a power cut could take them back. A token that keeps keys has a file for
 * each of their objects, so that what has been brought there before is not looked at again.
 */
export class SoftHsmTokenSync {
  readonly #tokenDirectory: string;
  /** By the directory of its token: objects that are on disk as they will stay. */
  #settled: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  constructor(tokenDirectory: string) {
    this.#tokenDirectory = tokenDirectory;
  }

  /** The tokens may be in use: what is gone by the time that its turn comes was destroyed. */
  async sync(): Promise<void> {
    const settled = new Map<string, ReadonlySet<string>>();
    for (const entry of await readdir(this.#tokenDirectory, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const directory = join(this.#tokenDirectory, entry.name);
      settled.set(directory, await syncToken(directory, this.#settled.get(directory) ?? new Set()));
    }
    await syncEntry(this.#tokenDirectory);
    this.#settled = settled;
  }
}

/** All of them, as by somebody who has not seen them before. */
export function syncSoftHsmTokens(tokenDirectory: string): Promise<void> {
  return new SoftHsmTokenSync(tokenDirectory).sync();
}

/** What is settled there, after this. */
async function syncToken(directory: string, settled: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const after = new Set<string>();
  for (const name of await readdir(directory)) {
    if (name.endsWith(LOCK_ENDING)) continue;
    const isSettled = settled.has(name) || (await syncFile(join(directory, name)));
    if (isSettled && !NEVER_SETTLED.has(name)) after.add(name);
  }
  await syncEntry(directory);
  return after;
}

/** Whether it has been as it is for so long that it will stay so. */
async function syncFile(path: string): Promise<boolean> {
  try {
    // Before it is synced: what is written after that is not on disk with it.
    const { mtimeMs } = await stat(path);
    await syncEntry(path);
    return mtimeMs < Date.now() - SETTLED_MS;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
