import { INTENT_COLUMNS, type IntentRow } from './intent_row.ts';
import type { KeyChangeRows } from './key_change_rows.ts';
import { KEY_COLUMNS, type KeyRow } from './key_row.ts';
import { KEY_VERSION_COLUMNS, type KeyVersionRow } from './key_version_row.ts';
import type { Transaction } from './postgres_connections.ts';
import { assignmentsOf, insertInto, valuesOf } from './postgres_statement.ts';
import type { KeyLimits } from './store.ts';
import { keyChanged, keyLimitReached, keyVersionLimitReached } from './store_refusal.ts';

/** So that the parameters of one statement stay far from the 65,535 that there can be. */
const ROWS_PER_STATEMENT = 500;

const COUNT_KEY = "UPDATE tally SET count = count + 1 WHERE subject = 'keys' AND count < $1";
const UNCOUNT_KEY = "UPDATE tally SET count = count - 1 WHERE subject = 'keys' AND count > 0";
const ADD_KEY = `${insertInto('key', KEY_COLUMNS)} ON CONFLICT DO NOTHING`;
const REPLACE_KEY = `UPDATE key SET ${assignmentsOf(KEY_COLUMNS)}
  WHERE name = $${KEY_COLUMNS.indexOf('name') + 1} AND revision = $${KEY_COLUMNS.length + 1}`;
const REMOVE_KEY = 'DELETE FROM key WHERE name = $1 AND revision = $2';
const REPLACE_VERSION = `UPDATE key_version SET ${assignmentsOf(KEY_VERSION_COLUMNS)}
  WHERE name = $${KEY_VERSION_COLUMNS.indexOf('name') + 1} AND version = $${KEY_VERSION_COLUMNS.indexOf('version') + 1}`;
const PUT_COUNT = 'INSERT INTO encryption_count (name, version, reserved) VALUES ($1, $2, $3)';
const ADD_INTENT = `${insertInto('intent', INTENT_COLUMNS)} ON CONFLICT DO NOTHING`;
const END_INTENT = 'DELETE FROM intent WHERE id = $1';

/** True for changes that move the count of all keys: they stand in each other's way, whatever key they are of. */
export function movesKeyCount({ key, expectedRevision }: KeyChangeRows): boolean {
  return key === undefined || expectedRevision === undefined;
}

/** A change of a key with its versions. @throws StrongroomError `Conflict` or `BadParameter`, as `Store.changeKey` has them */
export async function changeKey(transaction: Transaction, change: KeyChangeRows, limits: KeyLimits): Promise<void> {
  const { name, expectedRevision, key, versions } = change;
  if (key === undefined) await removeKey(transaction, name, expectedRevision);
  else if (expectedRevision === undefined) await addKey(transaction, key, limits);
  else await replaceKey(transaction, key, expectedRevision);
  let added = 0;
  for (let first = 0; first < versions.length; first += ROWS_PER_STATEMENT) {
    added += await putVersions(transaction, versions.slice(first, first + ROWS_PER_STATEMENT));
  }
  if (key !== undefined && added > 0 && key.versions > limits.versionsPerKey) {
    throw keyVersionLimitReached(name, limits.versionsPerKey);
  }
  for (const { version, encryptions } of change.encryptions) {
    await transaction.run(PUT_COUNT, [name, version, encryptions]);
  }
  for (const id of change.endedIntents) await endIntent(transaction, id);
  for (const row of change.newIntents) await addIntent(transaction, row);
}

/** One that is there already stays: its id is its own, so it is the same one, added again by somebody who had no answer. */
export async function addIntent(transaction: Transaction, row: IntentRow): Promise<void> {
  await transaction.run(ADD_INTENT, valuesOf(INTENT_COLUMNS, row));
}

export async function endIntent(transaction: Transaction, id: string): Promise<void> {
  await transaction.run(END_INTENT, [id]);
}

/** The count comes first: who has to wait for it has done nothing yet that would have to be done again. */
async function addKey(transaction: Transaction, key: KeyRow, limits: KeyLimits): Promise<void> {
  const counted = await transaction.run(COUNT_KEY, [limits.keys]);
  const added = await transaction.run(ADD_KEY, valuesOf(KEY_COLUMNS, key));
  if (added.count === 0) throw keyChanged(key.name);
  if (counted.count === 0) throw keyLimitReached(limits.keys);
}

async function replaceKey(transaction: Transaction, key: KeyRow, expected: number): Promise<void> {
  const { count } = await transaction.run(REPLACE_KEY, [...valuesOf(KEY_COLUMNS, key), expected]);
  if (count === 0) throw keyChanged(key.name);
}

/** Versions and their counts go with the key: the schema says so. */
async function removeKey(transaction: Transaction, name: string, expected: number | undefined): Promise<void> {
  await transaction.run(UNCOUNT_KEY);
  const { count } = await transaction.run(REMOVE_KEY, [name, expected ?? null]);
  if (count === 0) throw keyChanged(name);
}

/** Answers how many of them were not there before. */
async function putVersions(transaction: Transaction, versions: readonly KeyVersionRow[]): Promise<number> {
  const { rows } = await transaction.run(
    `${insertInto('key_version', KEY_VERSION_COLUMNS, versions.length)} ON CONFLICT DO NOTHING RETURNING version`,
    versions.flatMap((row) => valuesOf(KEY_VERSION_COLUMNS, row)),
  );
  const added = new Set(rows.map(({ version }) => version));
  for (const row of versions.filter(({ version }) => !added.has(version))) {
    await transaction.run(REPLACE_VERSION, valuesOf(KEY_VERSION_COLUMNS, row));
  }
  return added.size;
}
