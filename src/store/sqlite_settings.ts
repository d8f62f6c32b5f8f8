import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { SETTING_COLUMNS, type SettingRow } from './setting_row.ts';
import { assignmentsOf, insertInto } from './sqlite_statement.ts';
import { settingChanged } from './store_refusal.ts';

/** Settings, inside a transaction that is under way. */
export class SqliteSettings {
  readonly #add: StatementSync;
  readonly #replace: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(`${insertInto('setting', SETTING_COLUMNS)} ON CONFLICT DO NOTHING`);
    this.#replace = database.prepare(
      `UPDATE setting SET ${assignmentsOf(SETTING_COLUMNS)} WHERE name = :name AND revision = :expected`,
    );
  }

  /** @throws StrongroomError `Conflict` (`SettingChanged`) */
  put(row: SettingRow, expected: number | undefined): void {
    const { changes } = expected === undefined ? this.#add.run({ ...row }) : this.#replace.run({ ...row, expected });
    if (changes === 0) throw settingChanged(row.name);
  }
}
