import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Write, WriteFailure, WriteOutcome, WriterCommand, WriterReply } from './sqlite_write.ts';
import { storeClosed } from './store_refusal.ts';

interface PendingWrite {
  readonly write: Write;
  readonly resolve: (value: number) => void;
  readonly reject: (error: StrongroomError) => void;
}

/** The ending of this very file: the thread's file stands beside it as source or as compiled. */
const WRITER = new URL(`./sqlite_writer${extname(import.meta.url)}`, import.meta.url);

/**
 * Hands changes to the thread that writes, one transaction at a time: what comes in while one is under way goes into the next, together.
 */
export class WriterThread {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #waiting: PendingWrite[] = [];
  #underWay: PendingWrite[] = [];
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  #failure: unknown;
  #gone = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    worker.on('error', (error) => {
      this.#failure = error;
    });
    worker.on('exit', () => {
      this.#lose();
      resolve();
    });
  }

  /** @throws StrongroomError `ServiceUnavailable` when the database cannot be opened. */
  static async start(path: string): Promise<WriterThread> {
    // No options of the embedding program's command line: some of them, like --input-type, keep a thread from starting.
    // Nothing of its environment either: what `node --watch` puts there has threads send messages of its own.
    const worker = new Worker(WRITER, { workerData: { path }, execArgv: [], env: {} });
    const thread = new WriterThread(worker);
    await thread.#opened();
    worker.on('message', (reply: WriterReply) => thread.#replied(reply));
    worker.unref();
    return thread;
  }

  /** Fulfilled when the change is durable. */
  write(write: Write): Promise<number> {
    if (this.#closing !== undefined || this.#gone) return Promise.reject(this.#unavailable());
    if (this.#waiting.length >= LIMITS.storeWritesWaiting) {
      return Promise.reject(
        new StrongroomError('Throttled', 'Too many changes wait for the store.', { retryAfterMs: 1_000 }),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#waiting.push({ write, resolve, reject });
    if (this.#underWay.length === 0) this.#send();
    return promise;
  }

  /** Waits for every change that was handed in. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#worker.ref();
    if (this.#underWay.length > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#post('close');
    await this.#ended;
  }

  async #opened(): Promise<void> {
    const first = await new Promise<WriterReply | undefined>((resolve) => {
      this.#worker.once('message', resolve);
      this.#worker.once('exit', () => resolve(undefined));
    });
    if (first !== undefined && 'opened' in first && first.opened) return;
    await this.#ended;
    if (first !== undefined && 'failure' in first) throw errorOf(first.failure);
    throw new StrongroomError('ServiceUnavailable', 'The store could not be opened.', {
      innerCode: 'StoreNotOpened',
      cause: this.#failure,
    });
  }

  #send(): void {
    if (this.#waiting.length === 0) {
      if (this.#closing === undefined) this.#worker.unref();
      this.#onIdle?.();
      return;
    }
    this.#underWay = this.#waiting.splice(0, LIMITS.storeWritesPerTransaction);
    this.#worker.ref();
    this.#post({ writes: this.#underWay.map(({ write }) => write) });
  }

  #post(command: WriterCommand): void {
    this.#worker.postMessage(command);
  }

  #replied(reply: WriterReply): void {
    if (!('outcomes' in reply)) return;
    const done = this.#underWay;
    this.#underWay = [];
    this.#send();
    for (const [index, pending] of done.entries()) settle(pending, reply.outcomes[index] as WriteOutcome);
  }

  /** The thread is gone: nobody knows what became of the last transaction, and the others were never begun. */
  #lose(): void {
    this.#gone = true;
    const unknown = this.#underWay;
    const unsent = this.#waiting;
    this.#underWay = [];
    this.#waiting = [];
    for (const { reject } of unknown) {
      reject(new StrongroomError('OutcomeUnknown', 'The store failed while it wrote.', { cause: this.#failure }));
    }
    for (const { reject } of unsent) reject(this.#unavailable());
    this.#onIdle?.();
  }

  #unavailable(): StrongroomError {
    return storeClosed(this.#failure);
  }
}

function settle(pending: PendingWrite, outcome: WriteOutcome): void {
  if (outcome.ok) pending.resolve(outcome.value);
  else pending.reject(errorOf(outcome.failure));
}

function errorOf({ code, message, innerCode, detail }: WriteFailure): StrongroomError {
  return new StrongroomError(code, message, {
    ...(innerCode !== undefined && { innerCode }),
    ...(detail !== undefined && { cause: new Error(detail) }),
  });
}
