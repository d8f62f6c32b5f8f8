import { DatabaseError } from 'pg';

/** What tells one primary from another that was before it, will be after it, or believes that it is one as well. */
export interface PrimaryTerm {
  /** Of the database as a whole: standbys have it from their primary. */
  readonly system: string;
  /** Greater with each standby that is promoted. */
  readonly timeline: number;
  /** When the server began to run, in unix seconds: two with the same time are one, by two ways. */
  readonly started: string;
}

/** What a server says of itself. */
export interface Standing {
  /** It only follows another one. */
  readonly standsBy: boolean;
  readonly takesChanges: boolean;
  /** Undefined for one that stands by, and for products that have no such thing. */
  readonly term: PrimaryTerm | undefined;
}

type Row = Readonly<Record<string, unknown>>;

/** The name of a file of the write-ahead log begins with the timeline, in hexadecimal (PostgreSQL, "WAL Internals"). */
const QUESTION = `SELECT pg_is_in_recovery() AS stands_by, current_setting('transaction_read_only') AS read_only,
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_walfile_name(pg_current_wal_lsn()) END AS log_file,
  (SELECT CAST(system_identifier AS TEXT) FROM pg_control_system()) AS system,
  CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) AS TEXT) AS started`;
const SHORTER_QUESTION = 'SHOW transaction_read_only';
const TIMELINE_DIGITS = 8;
/** SQLSTATEs of products that know less than PostgreSQL. */
const UNKNOWN_WORDS: ReadonlySet<string> = new Set([
  '42883', // undefined_function
  '0A000', // feature_not_supported
]);

/** Asks a server what it is: `ask` answers the one row of a statement. */
export async function askStanding(ask: (text: string) => Promise<Row | undefined>): Promise<Standing> {
  try {
    const { stands_by, read_only, log_file, system, started } = (await ask(QUESTION)) ?? {};
    const standsBy = stands_by === true || log_file === null;
    const timeline = Number.parseInt(String(log_file).slice(0, TIMELINE_DIGITS), 16);
    return {
      standsBy,
      takesChanges: !standsBy && read_only === 'off',
      term: standsBy ? undefined : { system: String(system), timeline, started: String(started) },
    };
  } catch (error) {
    if (!(error instanceof DatabaseError) || !UNKNOWN_WORDS.has(error.code ?? '')) throw error;
    // CockroachDB has neither standbys nor timelines.
    const isReadOnly = (await ask(SHORTER_QUESTION))?.transaction_read_only === 'on';
    return { standsBy: isReadOnly, takesChanges: !isReadOnly, term: undefined };
  }
}
