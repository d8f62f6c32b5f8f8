import type { Transaction } from './postgres_connections.ts';
import { assignmentsOf, insertInto, valuesOf } from './postgres_statement.ts';
import { SETTING_COLUMNS, type SettingRow } from './setting_row.ts';
import { settingChanged } from './store_refusal.ts';

const ADD = `${insertInto('setting', SETTING_COLUMNS)} ON CONFLICT DO NOTHING`;
const REPLACE = `UPDATE setting SET ${assignmentsOf(SETTING_COLUMNS)}
  WHERE name = $${SETTING_COLUMNS.indexOf('name') + 1} AND revision = $${SETTING_COLUMNS.length + 1}`;

/** @throws StrongroomError `Conflict` (`SettingChanged`) */
export async function putSetting(
  transaction: Transaction,
  row: SettingRow,
  expected: number | undefined,
): Promise<void> {
  const values = valuesOf(SETTING_COLUMNS, row);
  const { count } =
    expected === undefined ? await transaction.run(ADD, values) : await transaction.run(REPLACE, [...values, expected]);
  if (count === 0) throw settingChanged(row.name);
}
