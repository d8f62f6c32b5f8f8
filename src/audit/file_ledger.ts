import type { KeyObject } from 'node:crypto';
import { close, constants, fdatasync, fsync, open, write } from 'node:fs';
import { chmod, mkdir, rename, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FollowedLog } from './audit_line.ts';
import { type DirectoryLock, lockDirectory } from './directory_lock.ts';
import type { ChainState } from './hash_chain.ts';
import type { Ledger, LedgerOrigin, LineBatch } from './ledger.ts';
import { readFormerTail, readTail } from './ledger_tail.ts';
import { LogFile, listLogFiles, logFileName } from './log_files.ts';

export interface FileLedgerOptions {
  readonly directory: string;
  /** `written`: the system has the bytes, and they survive the end of this process. `synced`: the disk has them, and they survive a power cut. */
  readonly durability: 'written' | 'synced';
  /** Of the audit key: a log that another token has signed is not gone on with. */
  readonly publicKey: KeyObject;
  /** Of the audit key before a recovery: a log that ends with it is put aside. */
  readonly formerKey?: KeyObject | undefined;
}

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fsync);
const syncContent = promisify(fdatasync);

/** Files of JSON lines in a directory, for their owner alone. */
export class FileLedger implements Ledger {
  readonly origin: LedgerOrigin;
  readonly #directory: string;
  readonly #synced: boolean;
  readonly #lock: DirectoryLock;
  #path: string | undefined;
  #file: number | undefined;
  /** Where the next line goes. What a failed attempt has left behind it is written over by the next one. */
  #position: number;

  private constructor(
    options: FileLedgerOptions,
    lock: DirectoryLock,
    path: string | undefined,
    origin: Omit<LedgerOrigin, 'place'>,
  ) {
    this.origin = { ...origin, place: lock.place };
    this.#directory = options.directory;
    this.#synced = options.durability === 'synced';
    this.#lock = lock;
    this.#path = path;
    this.#position = origin.tail?.bytes ?? 0;
  }

  /**
   * Opens a directory for this process alone, and makes it where there is none.
   * @throws StrongroomError `ServiceUnavailable` (`AuditLogInUse`, `AuditLogBroken`), or the system's error
   */
  static async open(options: FileLedgerOptions): Promise<FileLedger> {
    const { directory, publicKey, formerKey } = options;
    const made = await mkdir(directory, { recursive: true, mode: 0o700 });
    if (made !== undefined) await chmod(directory, 0o700);
    const lock = lockDirectory(directory);
    try {
      const files = [...(await listLogFiles(directory))];
      for (let file = files.pop(); file !== undefined; file = files.pop()) {
        const former = await readFormerTail(new LogFile(directory, file.name), formerKey);
        if (former !== undefined) {
          const follows = await putAside(directory, [...files, file], former.state, 'recovery');
          const pem = formerKey?.export({ format: 'pem', type: 'spki' }) ?? '';
          await writeFile(join(directory, asideName('recovery', former.state), 'audit_key.pem'), pem, { mode: 0o600 });
          return new FileLedger(options, lock, undefined, { tail: undefined, follows });
        }
        const tail = await readTail(file, publicKey);
        if (tail === undefined) {
          // Its first line was never finished: the file was about to begin when the process ended.
          await unlink(file.path);
          continue;
        }
        if (tail.place === lock.place) {
          if (tail.tornBytes > 0) await truncate(file.path, tail.bytes);
          return new FileLedger(options, lock, file.path, { tail, follows: undefined });
        }
        // Who wrote it may be writing on: two that went on with one log would both be believed.
        const follows = await putAside(directory, [...files, file], tail.state, 'copy');
        return new FileLedger(options, lock, undefined, { tail: undefined, follows });
      }
      return new FileLedger(options, lock, undefined, { tail: undefined, follows: undefined });
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  async append({ text, first, startsFile }: LineBatch): Promise<void> {
    const file = startsFile ? await this.#startFile(first) : await this.#currentFile();
    const bytes = Buffer.from(text, 'utf8');
    await writeAll(file, bytes, this.#position);
    if (this.#synced) await syncContent(file);
    this.#position += bytes.length;
  }

  async close(): Promise<void> {
    try {
      if (this.#file !== undefined) await this.#finishFile(this.#file);
    } finally {
      this.#lock.close();
    }
  }

  async #currentFile(): Promise<number> {
    if (this.#path === undefined) throw new TypeError('A log begins with a file.');
    this.#file ??= await openFile(this.#path, constants.O_WRONLY);
    return this.#file;
  }

  /** A second attempt finds the file of the first. */
  async #startFile(firstSequence: number): Promise<number> {
    const path = join(this.#directory, logFileName(firstSequence));
    if (path !== this.#path) {
      const made = await openFile(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
      const before = this.#file;
      this.#file = made;
      this.#path = path;
      this.#position = 0;
      if (before !== undefined) await this.#finishFile(before);
    }
    if (this.#synced) await syncDirectory(this.#directory);
    return this.#currentFile();
  }

  /** Files that are done with are on disk, however fast the log is written. */
  async #finishFile(file: number): Promise<void> {
    try {
      await syncFile(file);
    } finally {
      await closeFile(file);
    }
  }
}

/** Under which name a log lies in the directory that is not gone on with there. */
function asideName(reason: FollowedLog['reason'], { chain }: ChainState): string {
  return `${reason === 'copy' ? 'copied' : 'former'}-${chain}`;
}

async function putAside(
  directory: string,
  files: readonly LogFile[],
  state: ChainState,
  reason: FollowedLog['reason'],
): Promise<FollowedLog> {
  const { chain, tree } = state;
  const aside = join(directory, asideName(reason, state));
  await mkdir(aside, { recursive: true, mode: 0o700 });
  for (const { path, name } of files) await rename(path, join(aside, name));
  return { reason, end: { chain, treeSize: tree.size, rootHash: tree.root().toString('hex') } };
}

function writeAll(file: number, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const writeFrom = (from: number): void => {
      write(file, bytes, from, bytes.length - from, position + from, (error, written) => {
        if (error !== null) reject(error);
        else if (written === 0) reject(new Error('The file takes no more.'));
        else if (from + written === bytes.length) resolve();
        else writeFrom(from + written);
      });
    };
    writeFrom(0);
  });
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await openFile(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await syncFile(directory).finally(() => closeFile(directory));
}
