import type { DocumentChangeRow } from './document_change_row.ts';
import type { Transaction } from './postgres_connections.ts';
import { changeDocument } from './postgres_document_changes.ts';
import { insertInto, valuesOf } from './postgres_statement.ts';
import type { Replacement } from './store.ts';
import { residentKeys, stagedKeysMissing } from './store_refusal.ts';
import {
  CLEAR_STAGED,
  replacementStatements,
  STAGED_KEY_COLUMNS,
  STAGED_KEY_VERSION_COLUMNS,
  type StagedRows,
} from './whole_key_rows.ts';

/** So that the parameters of one statement stay far from the 65,535 that there can be. */
const ROWS_PER_STATEMENT = 500;

export async function stageKeys(transaction: Transaction, { keys, versions }: StagedRows): Promise<void> {
  await addAll(transaction, 'staged_key', STAGED_KEY_COLUMNS, keys);
  await addAll(transaction, 'staged_key_version', STAGED_KEY_VERSION_COLUMNS, versions);
}

async function addAll<Row>(
  transaction: Transaction,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
): Promise<void> {
  for (let first = 0; first < rows.length; first += ROWS_PER_STATEMENT) {
    const some = rows.slice(first, first + ROWS_PER_STATEMENT);
    const values = some.flatMap((row) => valuesOf(columns, row));
    await transaction.run(`${insertInto(table, columns, some.length)} ON CONFLICT DO NOTHING`, values);
  }
}

export async function clearStagedKeys(transaction: Transaction): Promise<void> {
  for (const statement of CLEAR_STAGED) await transaction.run(statement);
}

/** Answers the epoch. @throws StrongroomError `Conflict` or `NotSupported`, as `Store.replaceKeys` has them */
export async function replaceKeys(
  transaction: Transaction,
  { job, keys, versions }: Replacement,
  documents: readonly DocumentChangeRow[],
): Promise<number> {
  const statements = replacementStatements('$1');
  const { rows: resident } = await transaction.run(statements.findResident);
  if (resident[0] !== undefined) throw residentKeys(String(resident[0].name));
  await transaction.run(statements.keepCounts, [job]);
  await transaction.run(statements.removeKeys);
  const put = await transaction.run(statements.putKeys, [job]);
  const putVersions = await transaction.run(statements.putVersions, [job]);
  if (put.count !== keys || putVersions.count !== versions) throw stagedKeysMissing();
  await transaction.run(statements.putCounts, [job]);
  await transaction.run(statements.countKeys);
  for (const change of documents) await changeDocument(transaction, change);
  await clearStagedKeys(transaction);
  const { rows } = await transaction.run(statements.beginEpoch);
  return Number(rows[0]?.count);
}
