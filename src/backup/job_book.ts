import { randomBytes } from 'node:crypto';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Document, SealedDocuments } from '../store/sealed_documents.ts';
import { JOB_WORDS, type Job, type JobKind, jobInProgress, jobNotFound, type StoredJob } from './job.ts';
import { JOBS, jobOf, RunningJob } from './running_job.ts';

/** The one document that says which job is, or was, the last one. */
const LAST = 'backup_last_job';
const ID = 'last';
const JOB_ID = /^[0-9a-f]{32}$/;

interface LastJob {
  readonly jobId: string;
}

export interface JobBookOptions {
  readonly documents: SealedDocuments;
  /** What this server is called, the same after it was started anew. */
  readonly server: string;
  /** Unix milliseconds. */
  readonly clock: () => number;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Backups and restores of the pool, one at a time whatever server does it, as the store has them. A server that ends in the middle of one
 * finds it when it comes back; another one sees that it says nothing any more.
 */
export class JobBook {
  readonly #options: JobBookOptions;
  /** The last job, as it was seen. */
  #last: Document<StoredJob> | undefined;
  #running: RunningJob | undefined;

  private constructor(options: JobBookOptions) {
    this.#options = options;
  }

  /** @throws StrongroomError `StoreTampered`, `ServiceUnavailable` */
  static async open(options: JobBookOptions): Promise<JobBook> {
    const book = new JobBook(options);
    await book.#look();
    const last = book.#last;
    if (last !== undefined && last.content.server === options.server) await book.#giveUp(last);
    options.documents.onChanged(JOBS, () => void book.#look().catch(options.onTrouble));
    return book;
  }

  /** A restore is about to take the place of everything, here or at another server. */
  get isRestoring(): boolean {
    if (this.#running !== undefined) return this.#running.kind === 'restore';
    return this.#last !== undefined && this.#last.content.kind === 'restore' && this.#isAlive(this.#last);
  }

  /** @throws StrongroomError `Conflict` (`BackupInProgress`, `RestoreInProgress`) while there is another */
  async begin(kind: JobKind, keyName?: string): Promise<RunningJob> {
    const { documents, server, clock } = this.#options;
    if (this.#running !== undefined) throw jobInProgress(this.#running.kind);
    const before = await documents.find<LastJob>(LAST, ID);
    await this.#requireEnded(before?.content.jobId);
    const nowMs = clock();
    const id = randomBytes(16).toString('hex');
    const stored = await documents.add<StoredJob>(JOBS, id, {
      kind,
      state: 'InProgress',
      details: `${JOB_WORDS[kind]} is in progress`,
      error: undefined,
      started: Math.floor(nowMs / 1000),
      ended: undefined,
      keyName,
      folderUri: undefined,
      server,
      leaseEnds: nowMs + LIMITS.backupLeaseMs,
    });
    const content: LastJob = { jobId: id };
    try {
      await (before === undefined ? documents.add(LAST, ID, content) : documents.replace(LAST, { ...before, content }));
    } catch (error) {
      await documents.remove(JOBS, id, stored.revision).catch(() => undefined);
      const isOutdone = error instanceof StrongroomError && error.innerCode === 'DocumentChanged';
      throw isOutdone ? jobInProgress(kind) : error;
    }
    const running = new RunningJob(documents, stored, clock);
    this.#running = running;
    this.#last = stored;
    return running;
  }

  /** To be called when it has ended, one way or the other. */
  async ended(running: RunningJob): Promise<void> {
    if (this.#running !== running) return;
    this.#last = running.stored;
    this.#running = undefined;
    await this.#forgetOldest();
  }

  /** @throws StrongroomError `NotFound` */
  async find(id: string, kinds: readonly JobKind[]): Promise<Job> {
    if (!JOB_ID.test(id)) throw jobNotFound();
    if (this.#running?.id === id && kinds.includes(this.#running.kind)) return this.#running.job;
    const found = await this.#options.documents.find<StoredJob>(JOBS, id);
    if (found === undefined || !kinds.includes(found.content.kind)) throw jobNotFound();
    if (found.content.state !== 'InProgress' || this.#isAlive(found)) return jobOf(found);
    return this.#giveUp(found);
  }

  /** When the last full backup that has succeeded was done, in unix seconds. */
  async lastBackup(): Promise<number | undefined> {
    const jobs = await this.#options.documents.list<StoredJob>(JOBS);
    const times = jobs.flatMap(({ content: { kind, state, ended } }) =>
      kind === 'backup' && state === 'Succeeded' && ended !== undefined ? ended : [],
    );
    return times.length === 0 ? undefined : Math.max(...times);
  }

  async #requireEnded(jobId: string | undefined): Promise<void> {
    if (jobId === undefined) return;
    const last = await this.#options.documents.find<StoredJob>(JOBS, jobId);
    if (last === undefined || last.content.state !== 'InProgress') return;
    if (this.#isAlive(last)) throw jobInProgress(last.content.kind);
    await this.#giveUp(last);
  }

  /** Who did it has ended in the middle of it. */
  async #giveUp(found: Document<StoredJob>): Promise<Job> {
    if (found.content.state !== 'InProgress') return jobOf(found);
    const message = 'The server that did it ended before it was done. Nothing that it was to replace has changed.';
    const content: StoredJob = {
      ...found.content,
      state: 'Failed',
      details: message,
      error: { code: 'ServiceUnavailable', innerCode: 'ServerEnded', message },
      ended: Math.floor(this.#options.clock() / 1000),
    };
    try {
      const given = await this.#options.documents.replace(JOBS, { ...found, content });
      if (this.#last?.id === found.id) this.#last = given;
      return jobOf(given);
    } catch (error) {
      if (!(error instanceof StrongroomError) || error.innerCode !== 'DocumentChanged') throw error;
      const now = await this.#options.documents.find<StoredJob>(JOBS, found.id);
      return jobOf(now ?? found);
    }
  }

  #isAlive({ content }: Document<StoredJob>): boolean {
    return content.state === 'InProgress' && content.leaseEnds > this.#options.clock();
  }

  /** Whether a restore is under way elsewhere follows from what is seen and from its lease: who ends without a word shuts nobody out for long. */
  async #look(): Promise<void> {
    const last = await this.#options.documents.find<LastJob>(LAST, ID);
    if (last === undefined) return;
    this.#last = await this.#options.documents.find<StoredJob>(JOBS, last.content.jobId);
  }

  async #forgetOldest(): Promise<void> {
    const jobs = await this.#options.documents.list<StoredJob>(JOBS);
    const oldest = jobs.toSorted((one, other) => one.content.started - other.content.started);
    for (const { id, revision } of oldest.slice(0, Math.max(0, jobs.length - LIMITS.backupJobs))) {
      await this.#options.documents.remove(JOBS, id, revision);
    }
  }
}
