import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SqliteDocumentChanges } from './sqlite_document_changes.ts';
import { insertInto } from './sqlite_statement.ts';
import type { ReplaceKeys } from './sqlite_write.ts';
import { residentKeys, stagedKeysMissing } from './store_refusal.ts';
import {
  CLEAR_STAGED,
  replacementStatements,
  STAGED_KEY_COLUMNS,
  STAGED_KEY_VERSION_COLUMNS,
  type StagedRows,
} from './whole_key_rows.ts';

/** Keys beside the others, and how they come into their place, inside a transaction that is under way. */
export class SqliteStagedKeys {
  readonly #database: DatabaseSync;
  readonly #documents: SqliteDocumentChanges;
  readonly #addKey: StatementSync;
  readonly #addVersion: StatementSync;

  constructor(database: DatabaseSync, documents: SqliteDocumentChanges) {
    this.#database = database;
    this.#documents = documents;
    this.#addKey = database.prepare(`${insertInto('staged_key', STAGED_KEY_COLUMNS)} ON CONFLICT DO NOTHING`);
    this.#addVersion = database.prepare(
      `${insertInto('staged_key_version', STAGED_KEY_VERSION_COLUMNS)} ON CONFLICT DO NOTHING`,
    );
  }

  stage({ keys, versions }: StagedRows): void {
    for (const row of keys) this.#addKey.run({ ...row });
    for (const row of versions) this.#addVersion.run({ ...row });
  }

  clear(): void {
    for (const statement of CLEAR_STAGED) this.#database.exec(statement);
  }

  /** Answers the epoch. @throws StrongroomError `Conflict` or `NotSupported`, as `Store.replaceKeys` has them */
  replace({ job, keys, versions, documents }: ReplaceKeys): number {
    const statements = replacementStatements('?');
    const run = (statement: string): number => Number(this.#database.prepare(statement).run(job).changes);
    const resident = this.#database.prepare(statements.findResident).get();
    if (resident !== undefined) throw residentKeys(String(resident.name));
    run(statements.keepCounts);
    this.#database.exec(statements.removeKeys);
    if (run(statements.putKeys) !== keys || run(statements.putVersions) !== versions) throw stagedKeysMissing();
    run(statements.putCounts);
    this.#database.exec(statements.countKeys);
    for (const change of documents) this.#documents.change(change);
    this.clear();
    return Number(this.#database.prepare(statements.beginEpoch).get()?.count);
  }
}
