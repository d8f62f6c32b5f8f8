import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { postgresAddress } from './postgres_address.ts';
import { PostgresConnections } from './postgres_connections.ts';
import { PostgresPrimary } from './postgres_primary.ts';
import type { PostgresStoreOptions } from './postgres_store.ts';

interface ClaimedChain {
  readonly chain: string;
  readonly part: number;
}

interface TableLines extends ClaimedChain {
  readonly place: string;
  readonly writer: string;
  readonly first: number;
  readonly lines: readonly string[];
}

const CLAIM = 'UPDATE audit_chain SET writer = $2 WHERE place = $1 RETURNING chain';
const RELEASE = `UPDATE audit_chain SET place = 'former ' || chain, writer = '' WHERE chain = $1`;
const LAST_PART = 'SELECT MAX(part) AS part FROM audit_line WHERE chain = $1 AND sequence = part';
const BEGIN = `INSERT INTO audit_chain (chain, place, writer) VALUES ($1, $2, $3) ON CONFLICT (chain) DO NOTHING`;
const WRITER = 'SELECT writer FROM audit_chain WHERE chain = $1';
/** The same, and something to commit. */
const WRITTEN_WRITER = 'UPDATE audit_chain SET writer = writer WHERE chain = $1 RETURNING writer';
const ADD = `INSERT INTO audit_line (chain, sequence, part, line)
  SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT) + place - 1, CAST($3 AS BIGINT), line
  FROM unnest(CAST($4 AS TEXT[])) WITH ORDINALITY AS added (line, place)
  ON CONFLICT (chain, sequence) DO NOTHING`;
const CHAINS = 'SELECT chain FROM audit_chain ORDER BY chain';
const PARTS = 'SELECT part FROM audit_line WHERE chain = $1 AND sequence = part ORDER BY part';
const LINES = `SELECT line FROM audit_line WHERE chain = $1 AND sequence > $2 AND part = $3 ORDER BY sequence LIMIT $4`;

/** One for lines, one for whoever reads. */
const CONNECTIONS = 2;

/**
 * Lines of audit logs in a database that PostgresStore has opened before. Over connections of its own: a store that is busy does not hold up
 * what every answer waits for.
 */
export class PostgresAuditTable {
  readonly #primary: PostgresPrimary;
  readonly #connections: PostgresConnections;
  /**
   * Lines that may be there already, because nobody knows what became of their commit, may be on a primary alone that has not sent them on.
   * Only what commits behind them tells that they stay, and where all are there nothing else would.
   */
  #isInDoubt = false;

  constructor({ url, password }: PostgresStoreOptions) {
    this.#primary = new PostgresPrimary({ address: postgresAddress(url), password });
    this.#connections = new PostgresConnections({
      primary: this.#primary,
      connections: CONNECTIONS,
      connectTimeoutMs: LIMITS.auditStatementTimeoutMs,
      statementTimeoutMs: LIMITS.auditStatementTimeoutMs,
    });
  }

  async claim(place: string, writer: string): Promise<ClaimedChain | undefined> {
    return this.#connections.transact(async (transaction) => {
      const { rows } = await transaction.run(CLAIM, [place, writer]);
      const chain = rows[0]?.chain;
      if (typeof chain !== 'string') return undefined;
      const parts = await transaction.run(LAST_PART, [chain]);
      return { chain, part: Number(parts.rows[0]?.part) };
    });
  }

  async release(chain: string): Promise<void> {
    await this.#connections.transact((transaction) => transaction.run(RELEASE, [chain]));
  }

  async add({ chain, place, writer, part, first, lines }: TableLines): Promise<void> {
    const wasInDoubt = this.#isInDoubt;
    try {
      await this.#connections.transact(async (transaction) => {
        if (first === 1) await transaction.run(BEGIN, [chain, place, writer]);
        const { rows } = await transaction.run(wasInDoubt ? WRITTEN_WRITER : WRITER, [chain]);
        if (rows[0]?.writer !== writer) throw claimedByAnother();
        await transaction.run(ADD, [chain, first, part, lines]);
      });
      this.#isInDoubt = false;
    } catch (error) {
      if (error instanceof StrongroomError && error.code === 'OutcomeUnknown') this.#isInDoubt = true;
      throw error;
    }
  }

  async listChains(): Promise<readonly string[]> {
    const { rows } = await this.#connections.read(CHAINS);
    return rows.map(({ chain }) => String(chain));
  }

  async listParts(chain: string): Promise<readonly number[]> {
    const { rows } = await this.#connections.read(PARTS, [chain]);
    return rows.map(({ part }) => Number(part));
  }

  async readLines(chain: string, part: number, after: number, limit: number): Promise<readonly string[]> {
    const { rows } = await this.#connections.read(LINES, [chain, after, part, limit]);
    return rows.map(({ line }) => String(line));
  }

  async close(): Promise<void> {
    await this.#connections.close();
    await this.#primary.close();
  }
}

function claimedByAnother(): StrongroomError {
  const message = 'Another process has taken over this audit log: a copy of this server is running.';
  return new StrongroomError('ServiceUnavailable', message, { innerCode: 'AuditLogInUse' });
}
