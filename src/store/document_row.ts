import { ownedBytes } from './owned_bytes.ts';
import { type RawRow, RowReader } from './row_reader.ts';
import type { SealedDocument } from './store.ts';

/** A document as columns, the same ones in every database. */
export interface DocumentRow {
  readonly collection: string;
  readonly id: string;
  readonly content: string;
  readonly revision: number;
  readonly seal: Uint8Array;
}

/** Every column, in the order of the table. */
export const DOCUMENT_COLUMNS: readonly (keyof DocumentRow)[] = ['collection', 'id', 'content', 'revision', 'seal'];

export function encodeDocumentRow({ record, seal }: SealedDocument): DocumentRow {
  const { collection, id, content, revision } = record;
  return { collection, id, content, revision, seal: ownedBytes(seal) };
}

/** @throws StrongroomError `StoreTampered` when it is no document at all */
export function decodeDocumentRow(row: RawRow): SealedDocument {
  const read = new RowReader<DocumentRow>(row, 'document');
  return {
    record: {
      collection: read.text('collection'),
      id: read.text('id'),
      content: read.text('content'),
      revision: read.integer('revision'),
    },
    seal: read.bytes('seal'),
  };
}
