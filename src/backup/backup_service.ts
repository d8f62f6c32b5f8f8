import { setTimeout as delay } from 'node:timers/promises';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { SealedDocuments, Sealer } from '../store/sealed_documents.ts';
import type { Store, WholeKey } from '../store/store.ts';
import type { BackupContainer } from './backup_container.ts';
import { JOB_WORDS, type Job, type JobKind } from './job.ts';
import { JobBook } from './job_book.ts';
import { type PoolCollection, PoolContents } from './pool_contents.ts';
import type { PoolEpoch } from './pool_epoch.ts';
import { restorePool } from './restore_pool.ts';
import type { RunningJob } from './running_job.ts';
import { openContainer, requireFolder, type StorageLocation, type StorageOptions } from './storage_location.ts';
import { StoredBackup } from './stored_backup.ts';
import { type BackupCounts, writeBackup } from './write_backup.ts';

export interface BackupServiceOptions {
  readonly store: Store;
  readonly documents: SealedDocuments;
  readonly sealer: Sealer;
  /** What of the documents belongs to the pool. */
  readonly collections: readonly PoolCollection[];
  readonly hsmName: string;
  /** What this server is called among those over one store, the same after it was started anew. */
  readonly server: string;
  readonly storage: StorageOptions;
  /** How many keys the pool may hold. */
  readonly mostKeys: number;
  /** What changes something comes through it, and waits for a replacement or is waited for. */
  readonly epoch: PoolEpoch;
  /** Makes a key that is not there; `Conflict` where there is one of its name, deleted or not. */
  readonly restoreKey: (key: WholeKey) => Promise<void>;
  /** Told of every job that has ended. */
  readonly onEnded: (job: Job) => Promise<void>;
  /** Told of what ends a job that nobody foresaw, or of jobs that cannot be read. */
  readonly onTrouble: (error: unknown) => void;
  /** Unix milliseconds. */
  readonly clock?: (() => number) | undefined;
}

/** Where a backup is. */
export interface BackupPlace {
  readonly location: StorageLocation;
  readonly folder: string;
}

const BACKUPS: readonly JobKind[] = ['backup', 'backupCheck'];
const RESTORES: readonly JobKind[] = ['restore', 'restoreCheck', 'keyRestore'];

/** How often a folder may be taken, and how long it takes until the next one has another name. */
const MOST_FOLDERS = 8;
const NEXT_FOLDER_MS = 10;

type Work = (job: RunningJob, signal: AbortSignal) => Promise<void>;

/**
 * Backup and restore of the whole pool (Azure API §1.20), to a blob store or a directory. Each is a job that goes on by itself and whose state
 * is asked for, one at a time. What is wrong with a request is said at once, everything else by the state of the job.
 */
export class BackupService {
  readonly #options: BackupServiceOptions;
  readonly #contents: PoolContents;
  readonly #book: JobBook;
  readonly #clock: () => number;
  readonly #closing = new AbortController();
  #underWay: Promise<void> = Promise.resolve();

  private constructor(options: BackupServiceOptions, book: JobBook) {
    this.#options = options;
    this.#contents = new PoolContents(options);
    this.#book = book;
    this.#clock = options.clock ?? Date.now;
  }

  /** @throws StrongroomError `StoreTampered`, `ServiceUnavailable` */
  static async open(options: BackupServiceOptions): Promise<BackupService> {
    const { documents, server, clock = Date.now, onTrouble } = options;
    return new BackupService(options, await JobBook.open({ documents, server, clock, onTrouble }));
  }

  /** A restore of the whole pool is under way, here or at another server: nothing else is done meanwhile. */
  get isRestoring(): boolean {
    return this.#book.isRestoring;
  }

  /** @throws StrongroomError `BadParameter`, `Forbidden` (`StorageNotAllowed`), `Conflict` */
  async startBackup(location: StorageLocation): Promise<Job> {
    const container = openContainer(location, this.#options.storage);
    return this.#start('backup', async (job, signal) => {
      const { folder, keys, versions } = await this.#write(container, job, signal);
      job.requireOurs();
      await job.succeed(`${keys} keys with ${versions} versions were backed up`, `${container.uri}/${folder}`);
    });
  }

  /** Whether a backup would succeed, as far as that can be known; writes nothing. */
  async checkBackup(location: StorageLocation | undefined): Promise<Job> {
    const container = location && openContainer(location, this.#options.storage);
    return this.#start('backupCheck', async (job, signal) => {
      await this.#requireNoResidentKeys(job, signal);
      await container?.check(signal);
      await job.succeed('The pool can be backed up');
    });
  }

  /** @throws StrongroomError `BadParameter`, `Forbidden` (`StorageNotAllowed`), `Conflict` (with `BackupRequired` as well) */
  async startRestore(place: BackupPlace): Promise<Job> {
    const { container, folder } = this.#open(place, 'folderToRestore');
    await this.#requireBackup();
    return this.#start('restore', async (job, signal) => {
      await this.#requireNoResidentKeys(job, signal);
      await this.#reading(container, folder, signal, async (backup) => {
        await restorePool(this.#options, backup, job);
      });
    });
  }

  /** Whether a restore would succeed: reads the backup from its beginning to its end. Changes nothing. */
  async checkRestore(place: BackupPlace | undefined): Promise<Job> {
    const opened = place && this.#open(place, 'folderToRestore');
    return this.#start('restoreCheck', async (job, signal) => {
      await this.#requireBackup();
      await this.#requireNoResidentKeys(job, signal);
      if (opened !== undefined) {
        await this.#reading(opened.container, opened.folder, signal, async (backup) => {
          let read = 0;
          for await (const entry of backup.entries()) {
            if (entry.kind === 'key') read += 1;
            job.progress(`${JOB_WORDS.restoreCheck} is in progress: ${read} of ${backup.manifest.keys} keys were read`);
          }
        });
      }
      await job.succeed('The pool can be restored');
    });
  }

  /** All versions of one key, which is not there, deleted or not. */
  async startKeyRestore(name: string, place: BackupPlace): Promise<Job> {
    const { container, folder } = this.#open(place, 'folder');
    const { epoch, restoreKey } = this.#options;
    const work: Work = (job, signal) =>
      this.#reading(container, folder, signal, async (backup) => {
        const key = await backup.findKey(name);
        if (key === undefined) throw keyNotInBackup(name);
        await epoch.through(epoch.current, async () => {
          job.requireOurs();
          await restoreKey(key);
        });
        await job.succeed(`The key ${name} was restored with ${key.versions.length} versions`);
      });
    return this.#start('keyRestore', work, name);
  }

  /** @throws StrongroomError `NotFound` */
  backup(jobId: string): Promise<Job> {
    return this.#book.find(jobId, BACKUPS);
  }

  /** @throws StrongroomError `NotFound` */
  restore(jobId: string): Promise<Job> {
    return this.#book.find(jobId, RESTORES);
  }

  /** A job that is under way fails, and has changed nothing. */
  async close(): Promise<void> {
    this.#closing.abort(
      new StrongroomError('ServiceUnavailable', 'The server was stopped before it was done.', {
        innerCode: 'ServerEnded',
      }),
    );
    await this.#underWay;
  }

  async #start(kind: JobKind, work: Work, keyName?: string): Promise<Job> {
    const { signal } = this.#closing;
    signal.throwIfAborted();
    const job = await this.#book.begin(kind, keyName);
    const begun = job.job;
    this.#underWay = this.#perform(job, work, signal);
    return begun;
  }

  /** Never rejects: who asked for it has his answer. */
  async #perform(job: RunningJob, work: Work, signal: AbortSignal): Promise<void> {
    const { onTrouble } = this.#options;
    try {
      await work(job, signal);
    } catch (error) {
      const reason = signal.aborted ? signal.reason : error;
      if (!(reason instanceof StrongroomError) || reason.code === 'StoreTampered') onTrouble(reason);
      await job.fail(reason).catch(onTrouble);
    }
    await this.#book.ended(job).catch(onTrouble);
    await this.#options.onEnded(job.job).catch(onTrouble);
  }

  #open({ location, folder }: BackupPlace, parameter: string): { container: BackupContainer; folder: string } {
    const container = openContainer(location, this.#options.storage);
    return { container, folder: requireFolder(parameter, folder) };
  }

  async #reading(
    container: BackupContainer,
    folder: string,
    signal: AbortSignal,
    read: (backup: StoredBackup) => Promise<void>,
  ): Promise<void> {
    const backup = await StoredBackup.open(this.#options.sealer, container, folder, signal);
    try {
      await read(backup);
    } finally {
      backup.close();
    }
  }

  /** Into a folder that nobody else has: HSMs of one name may back up to one container in the same hundredth of a second. */
  async #write(
    container: BackupContainer,
    job: RunningJob,
    signal: AbortSignal,
  ): Promise<BackupCounts & { readonly folder: string }> {
    const { hsmName, sealer } = this.#options;
    const onProgress = ({ keys }: BackupCounts) =>
      job.progress(`${JOB_WORDS.backup} is in progress: ${keys} keys were written`);
    for (let attempt = 1; ; attempt++) {
      const folder = folderName(hsmName, this.#clock());
      const target = { container, folder, hsmName, started: job.job.started };
      try {
        return { folder, ...(await writeBackup(this.#contents, sealer, target, signal, onProgress)) };
      } catch (error) {
        const isTaken = error instanceof StrongroomError && error.innerCode === 'StorageTaken';
        if (!isTaken || attempt === MOST_FOLDERS) throw error;
      }
      await delay(NEXT_FOLDER_MS, undefined, { signal });
    }
  }

  async #requireNoResidentKeys(job: RunningJob, signal: AbortSignal): Promise<void> {
    await this.#contents.requireNoResidentKeys(signal, (keys) =>
      job.progress(`${JOB_WORDS[job.kind]} is in progress: ${keys} of the keys that are here were looked at`),
    );
  }

  /** What a restore replaces is gone, so it has to be somewhere else (Azure API §1.20). */
  async #requireBackup(): Promise<void> {
    if (await this.#contents.isEmpty()) return;
    const last = await this.#book.lastBackup();
    if (last !== undefined && last >= this.#clock() / 1000 - LIMITS.backupAgeSeconds) return;
    throw new StrongroomError(
      'Conflict',
      'This HSM holds keys that a restore would replace: take a full backup of it first, not more than 30 minutes before.',
      { innerCode: 'BackupRequired' },
    );
  }
}

/** `mhsm-NAME-` and the time to the hundredth of a second, so that no two are the same (Azure API §1.20). */
function folderName(hsmName: string, nowMs: number): string {
  const digits = new Date(nowMs).toISOString().replace(/\D/g, '').slice(0, 16);
  return `mhsm-${hsmName}-${digits}`;
}

function keyNotInBackup(name: string): StrongroomError {
  return new StrongroomError('KeyNotFound', `The backup has no key ${name}.`, { innerCode: 'KeyNotInBackup' });
}
