import { setTimeout as delay } from 'node:timers/promises';
import { type PoolClient, type PoolConfig, types } from 'pg';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { isConnectionLost, mayBeTriedAgain, outcomeUnknown, StoreMoved, unavailable } from './postgres_failure.ts';
import { HostPool } from './postgres_host_pool.ts';
import type { PostgresPrimary } from './postgres_primary.ts';
import { askStanding } from './postgres_standing.ts';
import type { RawRow } from './row_reader.ts';

/** What a statement takes in the places of its parameters. */
export type Value = string | number | boolean | Uint8Array | readonly string[] | null;

export interface StatementResult {
  readonly rows: readonly RawRow[];
  /** Rows that were found or changed. */
  readonly count: number;
}

/** Statements of one transaction. */
export interface Transaction {
  run(text: string, values?: readonly Value[]): Promise<StatementResult>;
}

export interface ConnectionOptions {
  readonly primary: PostgresPrimary;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

const INT8 = 20;
const BYTEA = 17;
/** How much longer than the database itself we wait for it, should it or the way to it be gone. */
const ANSWER_GRACE_MS = 500;
const KEEP_ALIVE_AFTER_MS = 10_000;
const LONGEST_PAUSE_MS = 250;

const readBytes = types.getTypeParser(BYTEA);

/**
 * 64-bit integers as numbers: one that a number cannot hold is no safe integer, and what reads the row refuses it. Bytes as such, and not as
 * a part of what the driver has them in.
 */
const TYPES = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8) return Number;
    if (oid === BYTEA) return (text: string) => new Uint8Array(readBytes(text) as Buffer);
    return types.getTypeParser(oid, format as 'text');
  }) as typeof types.getTypeParser,
};

/**
 * A bounded number of connections to the host of a database that changes go to, with a limit on every wait. Whatever goes wrong in here comes
 * out as a StrongroomError.
 */
export class PostgresConnections {
  readonly #primary: PostgresPrimary;
  readonly #options: PoolConfig;
  #pool: HostPool | undefined;
  readonly #ending = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  constructor({ primary, connections, connectTimeoutMs, statementTimeoutMs }: ConnectionOptions) {
    this.#primary = primary;
    this.#options = {
      types: TYPES,
      application_name: 'strongroom',
      max: connections,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
      lock_timeout: Math.min(LIMITS.storeLockTimeoutMs, statementTimeoutMs),
      idle_in_transaction_session_timeout: LIMITS.storeIdleTransactionMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      allowExitOnIdle: true,
    };
    primary.follow({
      moved: () => this.#leave((pool) => pool.abandon()),
      renewed: () => this.#leave((pool) => pool.retire()),
    });
  }

  /** One statement that changes nothing, or nothing that may not be done twice. @throws StrongroomError `ServiceUnavailable`, `Throttled` */
  read(text: string, values: readonly Value[] = []): Promise<StatementResult> {
    return this.#tracked(() => again(() => this.#connected((session) => run(session, text, values))));
  }

  /**
   * Does the work in a serializable transaction, from its beginning again while others stand in its way. What the work throws of its own
   * undoes all of it. `patienceMs` is for work whose statements take longer than others.
   * @throws StrongroomError `OutcomeUnknown` when the connection was lost while it committed; `ServiceUnavailable` and `Throttled`, when
   * nothing has changed
   */
  transact<Result>(work: (transaction: Transaction) => Promise<Result>, patienceMs?: number): Promise<Result> {
    return this.#tracked(() => again(() => this.#connected((session) => attempt(session, work, patienceMs))));
  }

  /** Refuses what comes, waits for what is under way, and ends the connections. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#leave((pool) => pool.retire());
    await Promise.all(this.#ending);
  }

  /** What comes from now on has other connections. */
  #leave(end: (pool: HostPool) => Promise<void>): void {
    if (this.#pool === undefined) return;
    const ended = end(this.#pool).finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
    this.#pool = undefined;
  }

  async #tracked<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw new StrongroomError('ServiceUnavailable', 'The store is closed.');
    this.#underWay += 1;
    try {
      return await work();
    } catch (error) {
      throw unavailable(error);
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle?.();
    }
  }

  async #connected<Result>(use: (session: Session) => Promise<Result>): Promise<Result> {
    const host = await this.#primary.host();
    if (this.#pool?.host !== host) this.#leave((former) => former.abandon());
    this.#pool ??= new HostPool(host, { ...this.#primary.connectionTo(host), ...this.#options });
    const pool = this.#pool;
    const client = await pool.acquire();
    const session: Session = { client, lost: false, patienceMs: undefined };
    try {
      if (!pool.admitted.has(client)) await this.#admit(pool, session);
      return await use(session);
    } catch (error) {
      // A transaction that was about to commit says by itself that its outcome is unknown.
      throw pool.isAbandoned && !(error instanceof StrongroomError) ? new StoreMoved(error) : error;
    } finally {
      client.release(session.lost);
    }
  }

  async #admit(pool: HostPool, session: Session): Promise<void> {
    const standing = await askStanding(async (text) => (await run(session, text)).rows[0]);
    try {
      this.#primary.admit(pool.host, standing);
    } catch (error) {
      session.lost = true;
      throw error;
    }
    pool.admitted.add(session.client);
  }
}

/** A connection while somebody has it. Lost is also one that did not answer in time: nobody knows what it is doing. */
interface Session {
  readonly client: PoolClient;
  lost: boolean;
  /** Of the transaction that is under way; what all have unless set. */
  patienceMs: number | undefined;
}

async function run(session: Session, text: string, values: readonly Value[] = []): Promise<Answer> {
  try {
    const patience = session.patienceMs === undefined ? {} : { query_timeout: session.patienceMs + ANSWER_GRACE_MS };
    const asked = { text, values: [...values], ...patience };
    const { rows, rowCount, command } = await session.client.query<Record<string, unknown>>(asked);
    return { rows, count: rowCount ?? 0, command };
  } catch (error) {
    if (isConnectionLost(error)) session.lost = true;
    throw error;
  }
}

interface Answer extends StatementResult {
  readonly command: string;
}

async function attempt<Result>(
  session: Session,
  work: (transaction: Transaction) => Promise<Result>,
  patienceMs: number | undefined,
): Promise<Result> {
  let result: Result;
  session.patienceMs = patienceMs;
  try {
    await run(session, 'BEGIN ISOLATION LEVEL SERIALIZABLE');
    if (patienceMs !== undefined) await run(session, `SET LOCAL statement_timeout = ${patienceMs}`);
    result = await work({ run: (text, values) => run(session, text, values) });
  } catch (error) {
    await rollBack(session);
    throw error;
  }
  await commit(session);
  return result;
}

/** Where this fails, the end of the connection undoes the transaction. */
async function rollBack(session: Session): Promise<void> {
  if (session.lost) return;
  try {
    await run(session, 'ROLLBACK');
  } catch {
    session.lost = true;
  }
}

/**
 * A wait for a standby that somebody cancels ends with a warning (01000) and not with an error: it is kept here, and perhaps nowhere else
 * (PostgreSQL, synchronous_commit).
 */
async function commit(session: Session): Promise<void> {
  let isReplicated = true;
  const onNotice = ({ code }: { readonly code: string | undefined }): void => {
    if (code === '01000') isReplicated = false;
  };
  session.client.on('notice', onNotice);
  try {
    const { command } = await run(session, 'COMMIT');
    // A database answers with another word when a statement had failed before, and nothing of the transaction is kept.
    if (command !== 'COMMIT') throw new StrongroomError('ServiceUnavailable', 'The store undid the change.');
    if (!isReplicated) throw outcomeUnknown(new Error('The wait for the standby was cancelled.'));
  } catch (error) {
    throw session.lost ? outcomeUnknown(error) : error;
  } finally {
    session.client.off('notice', onNotice);
  }
}

/** Pauses differ at random, so that those who met do not meet again. */
async function again<Result>(action: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + LIMITS.storeRetryMs;
  for (let attempts = 1; ; attempts++) {
    try {
      return await action();
    } catch (error) {
      const pauseMs = Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** attempts);
      if (!mayBeTriedAgain(error) || performance.now() + pauseMs > deadline) throw error;
      await delay(pauseMs);
    }
  }
}
