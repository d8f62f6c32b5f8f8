import { setTimeout as pause } from 'node:timers/promises';
import { StrongroomError } from '../model/errors.ts';
import type { LineRange } from './audit_line.ts';
import type { Ledger, LineBatch, OnTrouble } from './ledger.ts';

const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1_000;

export interface AppendQueueOptions {
  readonly ledger: Ledger;
  readonly deadlineMs: number;
  readonly onTaken: (batch: LineBatch) => void;
  /** Everything is written again, after these lines were not in time. */
  readonly onRecovered: (late: readonly LineRange[]) => void;
  readonly onTrouble: OnTrouble;
}

/**
 * Lines on their way to the ledger. All that come in one turn of the event loop, or while an append is going on, go together (group
 * commit), in their order and one batch at a time. A batch that is not taken by the deadline is refused to those who wait for it, and is
 * written all the same when the ledger can: what has been done has to be on record.
 */
export class AppendQueue {
  readonly #options: AppendQueueOptions;
  readonly #waiting: PendingBatch[] = [];
  #appending: PendingBatch | undefined;
  #scheduled = false;
  #lines = 0;
  #late: LineRange[] = [];
  #givenUp = false;
  #onDrained: (() => void) | undefined;

  constructor(options: AppendQueueOptions) {
    this.#options = options;
  }

  /** Lines that the ledger has not taken. */
  get length(): number {
    return this.#lines;
  }

  /** Some have waited for too long. */
  get isStuck(): boolean {
    return this.#late.length > 0;
  }

  /** Resolves when the ledger has taken it. @throws StrongroomError `ServiceUnavailable` at the deadline */
  add(line: string, sequence: number, startsFile: boolean, deadlineMs = this.#options.deadlineMs): Promise<void> {
    let batch = this.#waiting.at(-1);
    if (batch === undefined || startsFile) {
      batch = new PendingBatch(sequence, startsFile, deadlineMs, this.#onLate);
      this.#waiting.push(batch);
      this.#schedule();
    }
    batch.add(line, sequence);
    this.#lines++;
    return batch.taken;
  }

  /** Everything that waits is taken when it resolves, or the time is over. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#lines === 0) return;
    const drained = new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
    const timer = setTimeout(() => this.#onDrained?.(), timeoutMs);
    await drained;
    clearTimeout(timer);
    this.#givenUp = true;
  }

  #schedule(): void {
    if (this.#scheduled || this.#appending !== undefined) return;
    this.#scheduled = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    this.#scheduled = false;
    const batch = this.#waiting.shift();
    if (batch === undefined) return;
    this.#appending = batch;
    void this.#append(batch);
  };

  async #append(batch: PendingBatch): Promise<void> {
    const { ledger, onTaken, onTrouble } = this.#options;
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(2 * retryMs, LAST_RETRY_MS)) {
      try {
        await ledger.append(batch);
        break;
      } catch (error) {
        if (retryMs === FIRST_RETRY_MS) onTrouble('the audit log could not be written', error);
        if (this.#givenUp) return;
        await pause(retryMs);
      }
    }
    this.#appending = undefined;
    this.#lines -= batch.last - batch.first + 1;
    batch.take();
    onTaken(batch);
    if (this.#waiting.length > 0) this.#next();
    else this.#recover();
  }

  #recover(): void {
    if (this.isStuck) this.#options.onRecovered(this.#late.splice(0));
    if (this.#lines === 0) this.#onDrained?.();
  }

  readonly #onLate = ({ first, last }: PendingBatch): void => {
    this.#late.push([first, last]);
  };
}

class PendingBatch implements LineBatch {
  readonly first: number;
  readonly startsFile: boolean;
  readonly taken: Promise<void>;
  last: number;
  text = '';
  readonly #timer: NodeJS.Timeout;
  #isTaken = false;
  #resolve!: () => void;
  #reject!: (error: StrongroomError) => void;

  constructor(first: number, startsFile: boolean, deadlineMs: number, onLate: (batch: PendingBatch) => void) {
    this.first = first;
    this.last = first;
    this.startsFile = startsFile;
    this.taken = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Of lines that are the log's own nobody waits for.
    this.taken.catch(() => undefined);
    // After a turn of the event loop that took long, timers come before the completions that were there in time.
    this.#timer = setTimeout(() => setImmediate(() => this.#expire(onLate)), deadlineMs);
  }

  add(line: string, sequence: number): void {
    this.text += `${line}\n`;
    this.last = sequence;
  }

  take(): void {
    this.#isTaken = true;
    clearTimeout(this.#timer);
    this.#resolve();
  }

  #expire(onLate: (batch: PendingBatch) => void): void {
    if (this.#isTaken) return;
    onLate(this);
    this.#reject(unavailable());
  }
}

export function unavailable(): StrongroomError {
  const message = 'The audit log cannot be written now, and no result is given out without it.';
  return new StrongroomError('ServiceUnavailable', message, { innerCode: 'AuditUnavailable' });
}
