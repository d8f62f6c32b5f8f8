import { decodeFoundRow, FOUND_COLUMNS } from './found_row.ts';
import { encodeKeyRow, KEY_COLUMNS, type KeyRow } from './key_row.ts';
import { encodeKeyVersionRow, KEY_VERSION_COLUMNS, type KeyVersionRow } from './key_version_row.ts';
import { type RawRow, RowReader } from './row_reader.ts';
import type { CountedKeyVersion, SealedKey, WholeKey } from './store.ts';

/** Selects keys with all their versions, in one statement and so of one moment; `after` and `limit` are the places of parameters. */
export function wholeKeysQuestion(after: string, limit: string): string {
  return `SELECT ${FOUND_COLUMNS}, encryption_count.reserved AS encryptions
    FROM (SELECT * FROM key WHERE name > ${after} ORDER BY name LIMIT ${limit}) AS key
    LEFT JOIN key_version ON key_version.name = key.name
    LEFT JOIN encryption_count ON encryption_count.name = key_version.name AND encryption_count.version = key_version.version
    ORDER BY key.name, key_version.version`;
}

/** Rows of that question, a key's one after the other. @throws StrongroomError `StoreTampered` */
export function decodeWholeKeys(rows: readonly RawRow[]): WholeKey[] {
  const keys: { key: SealedKey; versions: CountedKeyVersion[] }[] = [];
  for (const row of rows) {
    const { key, version } = decodeFoundRow(row);
    let last = keys.at(-1);
    if (last === undefined || last.key.record.name !== key.record.name) {
      last = { key, versions: [] };
      keys.push(last);
    }
    if (version !== undefined) last.versions.push({ version, encryptions: encryptionsOf(row) });
  }
  return keys;
}

function encryptionsOf(row: RawRow): number {
  const read = new RowReader<{ readonly encryptions: number }>(row, 'encryption_count');
  return read.optional('encryptions', (column) => read.integer(column)) ?? 0;
}

export interface StagedKeyRow extends KeyRow {
  readonly job: string;
}

export interface StagedKeyVersionRow extends KeyVersionRow {
  readonly job: string;
  readonly encryptions: number;
}

export const STAGED_KEY_COLUMNS: readonly (keyof StagedKeyRow)[] = ['job', ...KEY_COLUMNS];
export const STAGED_KEY_VERSION_COLUMNS: readonly (keyof StagedKeyVersionRow)[] = [
  'job',
  ...KEY_VERSION_COLUMNS,
  'encryptions',
];

/** Keys as rows of the staged tables. */
export interface StagedRows {
  readonly keys: readonly StagedKeyRow[];
  readonly versions: readonly StagedKeyVersionRow[];
}

export function encodeStagedKeys(job: string, keys: readonly WholeKey[]): StagedRows {
  return {
    keys: keys.map(({ key }) => ({ job, ...encodeKeyRow(key) })),
    versions: keys.flatMap(({ versions }) =>
      versions.map(({ version, encryptions }) => ({ job, ...encodeKeyVersionRow(version), encryptions })),
    ),
  };
}

/**
 * How the staged keys of a job come into the place of the others, one statement after the other, in words that every database knows; `job` is
 * the place of the parameter. The counts of encryptions that are there come first: they go with their keys.
 */
export function replacementStatements(job: string): {
  readonly findResident: string;
  readonly keepCounts: string;
  readonly removeKeys: string;
  readonly putKeys: string;
  readonly putVersions: string;
  readonly putCounts: string;
  readonly countKeys: string;
  readonly beginEpoch: string;
} {
  const keys = KEY_COLUMNS.join(', ');
  const versions = KEY_VERSION_COLUMNS.join(', ');
  const counted = `FROM encryption_count WHERE encryption_count.name = staged_key_version.name
    AND encryption_count.version = staged_key_version.version`;
  return {
    findResident: "SELECT name FROM key_version WHERE custody = 'resident' LIMIT 1",
    keepCounts: `UPDATE staged_key_version SET encryptions = (SELECT reserved ${counted})
      WHERE job = ${job} AND EXISTS (SELECT 1 ${counted} AND encryption_count.reserved > staged_key_version.encryptions)`,
    removeKeys: 'DELETE FROM key',
    putKeys: `INSERT INTO key (${keys}) SELECT ${keys} FROM staged_key WHERE job = ${job}`,
    putVersions: `INSERT INTO key_version (${versions}) SELECT ${versions} FROM staged_key_version WHERE job = ${job}`,
    putCounts: `INSERT INTO encryption_count (name, version, reserved)
      SELECT name, version, encryptions FROM staged_key_version WHERE job = ${job} AND encryptions > 0`,
    countKeys: "UPDATE tally SET count = (SELECT count(*) FROM key) WHERE subject = 'keys'",
    beginEpoch: 'UPDATE replacements SET count = count + 1 RETURNING count',
  };
}

export const CLEAR_STAGED = ['DELETE FROM staged_key_version', 'DELETE FROM staged_key'] as const;
