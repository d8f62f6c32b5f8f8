import type { DocumentChangeRow } from './document_change_row.ts';
import { DOCUMENT_COLUMNS } from './document_row.ts';
import type { Transaction } from './postgres_connections.ts';
import { assignmentsOf, insertInto, valuesOf } from './postgres_statement.ts';
import { documentChanged } from './store_refusal.ts';

const ADD = `${insertInto('document', DOCUMENT_COLUMNS)} ON CONFLICT DO NOTHING`;
const REPLACE = `UPDATE document SET ${assignmentsOf(DOCUMENT_COLUMNS)}
  WHERE collection = $${DOCUMENT_COLUMNS.indexOf('collection') + 1} AND id = $${DOCUMENT_COLUMNS.indexOf('id') + 1}
  AND revision = $${DOCUMENT_COLUMNS.length + 1}`;
const REMOVE = 'DELETE FROM document WHERE collection = $1 AND id = $2 AND revision = $3';

/** @throws StrongroomError `Conflict` (`DocumentChanged`) */
export async function changeDocument(transaction: Transaction, change: DocumentChangeRow): Promise<void> {
  const { count } = await perform(transaction, change);
  if (count === 0) throw documentChanged(change);
}

function perform(
  transaction: Transaction,
  { collection, id, expectedRevision, row }: DocumentChangeRow,
): ReturnType<Transaction['run']> {
  if (row === undefined) return transaction.run(REMOVE, [collection, id, expectedRevision ?? null]);
  const values = valuesOf(DOCUMENT_COLUMNS, row);
  return expectedRevision === undefined
    ? transaction.run(ADD, values)
    : transaction.run(REPLACE, [...values, expectedRevision]);
}
