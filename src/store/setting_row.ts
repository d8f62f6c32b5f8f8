import { ownedBytes } from './owned_bytes.ts';
import { type RawRow, RowReader } from './row_reader.ts';
import type { SealedSetting } from './store.ts';

/** A setting as columns, the same ones in every database. */
export interface SettingRow {
  readonly name: string;
  readonly value: string;
  readonly revision: number;
  readonly seal: Uint8Array;
}

/** Every column, in the order of the table. */
export const SETTING_COLUMNS: readonly (keyof SettingRow)[] = ['name', 'value', 'revision', 'seal'];

export function encodeSettingRow({ record, seal }: SealedSetting): SettingRow {
  return { name: record.name, value: record.value, revision: record.revision, seal: ownedBytes(seal) };
}

/** @throws StrongroomError `StoreTampered` when it is no setting at all */
export function decodeSettingRow(row: RawRow): SealedSetting {
  const read = new RowReader<SettingRow>(row, 'setting');
  return {
    record: { name: read.text('name'), value: read.text('value'), revision: read.integer('revision') },
    seal: read.bytes('seal'),
  };
}
