import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../model/limits.ts';
import type { PostgresConnections, Transaction } from './postgres_connections.ts';
import type { RawRow } from './row_reader.ts';

/** The collection that the changes of keys are announced under, beside those of documents. */
export const KEY_CHANGES = 'key';
/** The one that a change of everything is announced under: listeners are told that they cannot know what it was. */
const EVERYTHING = 'everything';

export interface AnnouncedChange {
  readonly collection: string;
  /** The name of a key, or the id of a document. */
  readonly name: string;
}

type Listener = (changes: readonly AnnouncedChange[] | undefined) => void;

const POLL_MS = 300;
/** How old the last look may be before nothing that is remembered can be relied upon. */
const LATE_MS = 750;
/** As long as it cannot be looked, what is remembered is forgotten again and again: it may have been read just after a look. */
const FORGET_AGAIN_MS = 400;
const CHANGES_PER_POLL = 10_000;
const CLEAN_MS = 60_000;

/**
 * How far each look goes back. Changes become visible in another order than that of their times: between a change's time and the end of its
 * commit lie at most a pause that the database allows and a statement that it allows. The rest is for clocks of several nodes.
 */
const WINDOW_SECONDS = Math.ceil((LIMITS.storeIdleTransactionMs + LIMITS.storeStatementTimeoutMs) / 1_000) + 7;

const ANNOUNCE = `INSERT INTO recent_change (collection, name, writer, changed_at) VALUES ($1, $2, $3, clock_timestamp())
  ON CONFLICT (collection, name, writer) DO UPDATE SET changed_at = excluded.changed_at`;
/** Of a time that nobody looks at. */
const CONFIRM = `INSERT INTO recent_change (collection, name, writer, changed_at) VALUES ('nothing', '', $1, TIMESTAMPTZ '2000-01-01 00:00:00Z')
  ON CONFLICT (collection, name, writer) DO UPDATE SET changed_at = excluded.changed_at`;
const LOOK = `SELECT collection, name, writer, CAST(changed_at AS TEXT) AS changed_at FROM recent_change
  WHERE changed_at > clock_timestamp() - INTERVAL '${WINDOW_SECONDS} seconds' AND writer <> $1 LIMIT ${CHANGES_PER_POLL + 1}`;
const CLEAN = `DELETE FROM recent_change WHERE changed_at < clock_timestamp() - INTERVAL '5 minutes'`;

/**
 * How servers over one database learn of each other's changes: each change leaves what it is of and a time in the same transaction, and
 * each server looks several times a second for those of the others. Nothing is waited for and no connection is special, so a lost one
 * loses nothing.
 */
export class PostgresChanges {
  readonly #connections: PostgresConnections;
  readonly #listeners: Listener[] = [];
  readonly #stopped = new AbortController();
  /** Who writes, for the others and for ourselves. */
  #writer = randomUUID();
  /** Changes inside the window that were told already. */
  #told: ReadonlySet<string> = new Set();
  #lookedAt = 0;
  #late = false;
  #watch: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  /** The connections are for looking alone: what keeps the others busy must not keep this from looking. */
  constructor(connections: PostgresConnections) {
    this.#connections = connections;
  }

  /** Part of each change, and its last statement: what comes between it and the end of the commit is what the window is for. */
  async announce(transaction: Transaction, collection: string, name: string): Promise<void> {
    await transaction.run(ANNOUNCE, [collection, name, this.#writer]);
  }

  /** In place of `announce`, where keys and documents were replaced as a whole. */
  async announceEverything(transaction: Transaction): Promise<void> {
    await this.announce(transaction, EVERYTHING, '');
  }

  /** A change of nothing, for whoever needs to know that what was committed before it is there to stay. */
  async confirm(transaction: Transaction): Promise<void> {
    await transaction.run(CONFIRM, [this.#writer]);
  }

  /** What we have replaced is news to those here as well. */
  tellEverything(): void {
    this.#tell(undefined);
  }

  /** Nobody knows whether a change of ours came about, or will: from now on we hear of it like of somebody else's. */
  doubtOurs(): void {
    this.#writer = randomUUID();
  }

  listen(listener: Listener): void {
    this.#listeners.push(listener);
    if (this.#looking !== undefined) return;
    this.#lookedAt = performance.now();
    this.#looking = this.#look();
    this.#watchAgainIn(LATE_MS);
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#watch);
    await this.#looking;
    await this.#connections.close();
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopped;
    let cleanedAt = performance.now();
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        const { rows } = await this.#connections.read(LOOK, [this.#writer]);
        this.#found(rows, startedAt);
        if (startedAt - cleanedAt > CLEAN_MS) {
          cleanedAt = startedAt;
          await this.#connections.read(CLEAN);
        }
      } catch {
        // Whatever the reason, the watch sees that there was no look.
      }
      const pauseMs = Math.max(0, startedAt + POLL_MS - performance.now());
      await delay(pauseMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  #found(rows: readonly RawRow[], startedAt: number): void {
    const changes = rows.map(({ collection, name, writer, changed_at }) => ({
      collection: String(collection),
      name: String(name),
      once: `${collection} ${name} ${writer} ${changed_at}`,
    }));
    const untold = changes.filter(({ once }) => !this.#told.has(once));
    const everything =
      this.#late || rows.length > CHANGES_PER_POLL || untold.some(({ collection }) => collection === EVERYTHING);
    this.#told = new Set(changes.map(({ once }) => once));
    this.#lookedAt = startedAt;
    this.#late = false;
    if (this.#stopped.signal.aborted) return;
    if (everything) this.#tell(undefined);
    else if (untold.length > 0) this.#tell(untold);
  }

  #watchAgainIn(ms: number): void {
    this.#watch = setTimeout(() => {
      const restMs = this.#lookedAt + LATE_MS - performance.now();
      if (restMs > 0) {
        this.#watchAgainIn(restMs);
        return;
      }
      this.#late = true;
      this.#watchAgainIn(FORGET_AGAIN_MS);
      this.#tell(undefined);
    }, ms).unref();
  }

  #tell(changes: readonly AnnouncedChange[] | undefined): void {
    for (const listener of this.#listeners) listener(changes);
  }
}
