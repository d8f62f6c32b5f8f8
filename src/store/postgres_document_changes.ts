import type { DocumentChangeRow } from './document_change_row.ts';
import { DOCUMENT_COLUMNS, type DocumentRow } from './document_row.ts';
import type { Transaction } from './postgres_connections.ts';
import { assignmentsOf, insertInto, valuesOf } from './postgres_statement.ts';
import { documentChanged, documentsChanged } from './store_refusal.ts';

const ADD = `${insertInto('document', DOCUMENT_COLUMNS)} ON CONFLICT DO NOTHING`;
const REPLACE = `UPDATE document SET ${assignmentsOf(DOCUMENT_COLUMNS)}
  WHERE collection = $${DOCUMENT_COLUMNS.indexOf('collection') + 1} AND id = $${DOCUMENT_COLUMNS.indexOf('id') + 1}
  AND revision = $${DOCUMENT_COLUMNS.length + 1}`;
const REMOVE = 'DELETE FROM document WHERE collection = $1 AND id = $2 AND revision = $3';

const RESEAL = `UPDATE document SET seal = decode(given.seal, 'hex')
  FROM unnest(CAST($1 AS TEXT[]), CAST($2 AS TEXT[]), CAST($3 AS BIGINT[]), CAST($4 AS TEXT[]))
    AS given (collection, id, revision, seal)
  WHERE document.collection = given.collection AND document.id = given.id AND document.revision = given.revision`;
const COUNT = 'SELECT COUNT(*) AS count FROM document';

/** @throws StrongroomError `Conflict` (`DocumentChanged`) */
export async function resealDocuments(transaction: Transaction, rows: readonly DocumentRow[]): Promise<void> {
  const { count } = await transaction.run(RESEAL, [
    rows.map(({ collection }) => collection),
    rows.map(({ id }) => id),
    rows.map(({ revision }) => String(revision)),
    rows.map(({ seal }) => Buffer.from(seal).toString('hex')),
  ]);
  const { rows: counted } = await transaction.run(COUNT);
  if (count !== rows.length || Number(counted[0]?.count) !== rows.length) throw documentsChanged();
}

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
