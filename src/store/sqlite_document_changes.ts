import type { DatabaseSync, StatementResultingChanges, StatementSync } from 'node:sqlite';
import type { DocumentChangeRow } from './document_change_row.ts';
import { DOCUMENT_COLUMNS, type DocumentRow } from './document_row.ts';
import { assignmentsOf, insertInto } from './sqlite_statement.ts';
import { documentChanged, documentsChanged } from './store_refusal.ts';

const SEEN = 'collection = :collection AND id = :id AND revision = :expected';

/** Changes of documents, inside a transaction that is under way. */
export class SqliteDocumentChanges {
  readonly #add: StatementSync;
  readonly #replace: StatementSync;
  readonly #remove: StatementSync;
  readonly #reseal: StatementSync;
  readonly #count: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(`${insertInto('document', DOCUMENT_COLUMNS)} ON CONFLICT DO NOTHING`);
    this.#replace = database.prepare(`UPDATE document SET ${assignmentsOf(DOCUMENT_COLUMNS)} WHERE ${SEEN}`);
    this.#remove = database.prepare(`DELETE FROM document WHERE ${SEEN}`);
    this.#reseal = database.prepare(`UPDATE document SET seal = :seal WHERE ${SEEN}`);
    this.#count = database.prepare('SELECT COUNT(*) AS count FROM document');
  }

  /** @throws StrongroomError `Conflict` (`DocumentChanged`) */
  change(change: DocumentChangeRow): void {
    if (this.#perform(change).changes === 0) throw documentChanged(change);
  }

  /** @throws StrongroomError `Conflict` (`DocumentChanged`) */
  reseal(rows: readonly DocumentRow[]): void {
    for (const { collection, id, revision: expected, seal } of rows) {
      if (this.#reseal.run({ collection, id, expected, seal }).changes === 0) throw documentsChanged();
    }
    if (this.#count.get()?.count !== rows.length) throw documentsChanged();
  }

  #perform({ collection, id, expectedRevision, row }: DocumentChangeRow): StatementResultingChanges {
    const expected = expectedRevision ?? null;
    if (row === undefined) return this.#remove.run({ collection, id, expected });
    return expected === null ? this.#add.run({ ...row }) : this.#replace.run({ ...row, expected });
  }
}
