import { constants } from 'node:fs';
import { access, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writePrivateFile } from '../config/private_file.ts';
import { type BackupContainer, storageRefusal } from './backup_container.ts';

/** A directory of this machine that the operator has set aside. Paths come from here and from folder names that were checked: none leads out of it. */
export class DirectoryContainer implements BackupContainer {
  /** Clients split it before the folder, some at the first part of a path and some at the last: so it has exactly one. */
  readonly uri = 'file:///backups';
  readonly #directory: string;
  /** Folders that this one has made, and writes in. */
  readonly #made = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const file = join(this.#directory, path);
    try {
      await access(this.#directory, constants.W_OK);
      await this.#make(dirname(file));
      await writePrivateFile(file, bytes);
    } catch (error) {
      throw refusalOf(error);
    }
  }

  async read(path: string, mostBytes: number): Promise<Uint8Array | undefined> {
    try {
      await access(this.#directory, constants.R_OK);
    } catch (error) {
      throw refusalOf(error);
    }
    try {
      const file = await open(join(this.#directory, path), constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        const buffer = Buffer.alloc(Math.min(mostBytes + 1, (await file.stat()).size));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
        return new Uint8Array(buffer.subarray(0, bytesRead));
      } finally {
        await file.close();
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw refusalOf(error);
    }
  }

  /** The one who makes a folder has it. */
  async #make(folder: string): Promise<void> {
    if (folder === this.#directory || this.#made.has(folder)) return;
    await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
    await mkdir(folder, { mode: 0o700 });
    this.#made.add(folder);
  }

  async check(): Promise<void> {
    try {
      await access(this.#directory, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw refusalOf(error);
    }
  }
}

const REASONS: ReadonlyMap<string, Parameters<typeof storageRefusal>[0]> = new Map([
  ['ENOENT', 'StorageNotFound'],
  ['ENOTDIR', 'StorageNotFound'],
  ['EEXIST', 'StorageTaken'],
  ['EACCES', 'StorageAccessDenied'],
  ['EPERM', 'StorageAccessDenied'],
  ['EROFS', 'StorageAccessDenied'],
  ['ENOSPC', 'StorageFull'],
  ['EDQUOT', 'StorageFull'],
]);

function refusalOf(error: unknown): Error {
  const code = codeOf(error);
  return storageRefusal(REASONS.get(code ?? '') ?? 'StorageUnavailable', code, error);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
