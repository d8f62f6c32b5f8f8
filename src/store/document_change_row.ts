import { type DocumentRow, encodeDocumentRow } from './document_row.ts';
import type { DocumentChange } from './store.ts';

/** A change of a document: what a database is told. */
export interface DocumentChangeRow {
  readonly collection: string;
  readonly id: string;
  readonly epoch: number | undefined;
  readonly expectedRevision: number | undefined;
  readonly row: DocumentRow | undefined;
}

/** @throws TypeError when the parts of the change do not belong together: a mistake of the caller that no database should have to find. */
export function encodeDocumentChange({
  collection,
  id,
  epoch,
  expectedRevision,
  document,
}: DocumentChange): DocumentChangeRow {
  if (document === undefined) {
    if (expectedRevision === undefined) throw new TypeError('A document that is not there cannot be removed.');
    return { collection, id, epoch, expectedRevision, row: undefined };
  }
  const { record } = document;
  if (record.collection !== collection || record.id !== id) throw new TypeError('A change is of one document.');
  if (record.revision <= (expectedRevision ?? 0)) throw new TypeError('A change of a document raises its revision.');
  return { collection, id, epoch, expectedRevision, row: encodeDocumentRow(document) };
}
