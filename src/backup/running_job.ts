import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Document, SealedDocuments } from '../store/sealed_documents.ts';
import type { DocumentChange } from '../store/store.ts';
import { type Job, type JobError, type JobKind, jobErrorOf, type StoredJob } from './job.ts';

export const JOBS = 'backup_job';

/** How a job ends. */
type Ending = Pick<StoredJob, 'state' | 'details' | 'error' | 'folderUri'>;

/** A job that this server does: it says from time to time that it still is, and how far it has come. */
export class RunningJob {
  readonly #documents: SealedDocuments;
  readonly #clock: () => number;
  readonly #timer: NodeJS.Timeout;
  #stored: Document<StoredJob>;
  #details: string;
  /** Writes take turns: each names the revision of the one before. */
  #turn: Promise<unknown> = Promise.resolve();
  #lost: StrongroomError | undefined;

  constructor(documents: SealedDocuments, stored: Document<StoredJob>, clock: () => number) {
    this.#documents = documents;
    this.#stored = stored;
    this.#clock = clock;
    this.#details = stored.content.details;
    this.#timer = setInterval(
      () => void this.#renew(LIMITS.backupLeaseMs).catch(() => undefined),
      LIMITS.backupRenewalMs,
    );
    this.#timer.unref();
  }

  get kind(): JobKind {
    return this.#stored.content.kind;
  }

  get id(): string {
    return this.#stored.id;
  }

  /** As the store has it. */
  get stored(): Document<StoredJob> {
    return this.#stored;
  }

  get job(): Job {
    return jobOf({ ...this.#stored, content: { ...this.#stored.content, details: this.#details } });
  }

  /** Told with the next renewal. */
  progress(details: string): void {
    this.#details = details;
  }

  /** Throws when somebody else has taken it for dead: nothing is to be done in its name any more. */
  requireOurs(): void {
    if (this.#lost !== undefined) throw this.#lost;
  }

  async succeed(details: string, folderUri?: string): Promise<void> {
    await this.#end({ state: 'Succeeded', details, error: undefined, folderUri });
  }

  async fail(thrown: unknown): Promise<JobError> {
    const error = jobErrorOf(thrown);
    await this.#end({ state: 'Failed', details: error.message, error, folderUri: undefined });
    return error;
  }

  /**
   * Has the success of the job be part of a change of the store, which is whole or not at all: so nobody finds the one without the other.
   * `replace` is given the change of the job, and how the store knows it afterwards.
   */
  async succeedWith(details: string, replace: (change: DocumentChange) => Promise<void>): Promise<void> {
    await this.#renew(LIMITS.backupReplacementLeaseMs);
    clearInterval(this.#timer);
    await this.#inTurn(async () => {
      const next = this.#next({ state: 'Succeeded', details, error: undefined, folderUri: undefined }, 0);
      await replace(await this.#documents.changeTo(JOBS, next, this.#stored.revision));
      this.#stored = next;
      this.#details = details;
    });
  }

  /** True when the store has it as ended well, whatever it has answered to who asked it for that. */
  async hasSucceeded(): Promise<boolean> {
    const found = await this.#documents.find<StoredJob>(JOBS, this.id);
    if (found?.content.state !== 'Succeeded') return false;
    this.#stored = found;
    this.#details = found.content.details;
    return true;
  }

  async #end(ending: Ending): Promise<void> {
    clearInterval(this.#timer);
    await this.#inTurn(async () => {
      const { content } = this.#next(ending, 0);
      this.#stored = await this.#documents.replace(JOBS, { ...this.#stored, content });
      this.#details = ending.details;
    });
  }

  #renew(leaseMs: number): Promise<void> {
    return this.#inTurn(async () => {
      const { state, error, folderUri } = this.#stored.content;
      const { content } = this.#next({ state, details: this.#details, error, folderUri }, leaseMs);
      try {
        this.#stored = await this.#documents.replace(JOBS, { ...this.#stored, content });
      } catch (error) {
        if (error instanceof StrongroomError && error.innerCode === 'DocumentChanged') this.#lost = error;
        throw error;
      }
    });
  }

  #next(ending: Ending, leaseMs: number): Document<StoredJob> {
    const nowMs = this.#clock();
    const { id, revision, content } = this.#stored;
    const ended = ending.state === 'InProgress' ? undefined : Math.floor(nowMs / 1000);
    return { id, revision: revision + 1, content: { ...content, ...ending, ended, leaseEnds: nowMs + leaseMs } };
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

export function jobOf({ id, content }: Document<StoredJob>): Job {
  const { kind, state, details, error, started, ended, keyName, folderUri } = content;
  return { id, kind, state, details, error, started, ended, keyName, folderUri };
}
