import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { INTENT_COLUMNS, type IntentRow } from './intent_row.ts';
import { insertInto } from './sqlite_statement.ts';

/** Intents, inside a transaction that is under way. */
export class SqliteIntents {
  readonly #add: StatementSync;
  readonly #end: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(`${insertInto('intent', INTENT_COLUMNS)} ON CONFLICT DO NOTHING`);
    this.#end = database.prepare('DELETE FROM intent WHERE id = ?');
  }

  /** One that is there already stays: its id is its own, so it is the same one, added again by somebody who had no answer. */
  add(row: IntentRow): void {
    this.#add.run({ ...row });
  }

  end(id: string): void {
    this.#end.run(id);
  }
}
