import type { DatabaseSync, StatementResultingChanges, StatementSync } from 'node:sqlite';
import type { DocumentChangeRow } from './document_change_row.ts';
import { DOCUMENT_COLUMNS } from './document_row.ts';
import { assignmentsOf, insertInto } from './sqlite_statement.ts';
import { documentChanged } from './store_refusal.ts';

const SEEN = 'collection = :collection AND id = :id AND revision = :expected';

/** Changes of documents, inside a transaction that is under way. */
export class SqliteDocumentChanges {
  readonly #add: StatementSync;
  readonly #replace: StatementSync;
  readonly #remove: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(`${insertInto('document', DOCUMENT_COLUMNS)} ON CONFLICT DO NOTHING`);
    this.#replace = database.prepare(`UPDATE document SET ${assignmentsOf(DOCUMENT_COLUMNS)} WHERE ${SEEN}`);
    this.#remove = database.prepare(`DELETE FROM document WHERE ${SEEN}`);
  }

  /** @throws StrongroomError `Conflict` (`DocumentChanged`) */
  change(change: DocumentChangeRow): void {
    if (this.#perform(change).changes === 0) throw documentChanged(change);
  }

  #perform({ collection, id, expectedRevision, row }: DocumentChangeRow): StatementResultingChanges {
    const expected = expectedRevision ?? null;
    if (row === undefined) return this.#remove.run({ collection, id, expected });
    return expected === null ? this.#add.run({ ...row }) : this.#replace.run({ ...row, expected });
  }
}
