import { decodeKeyRow, KEY_COLUMNS } from './key_row.ts';
import { decodeKeyVersionRow, KEY_VERSION_COLUMNS } from './key_version_row.ts';
import type { RawRow } from './row_reader.ts';
import type { FoundKeyVersion } from './store.ts';

/** Keeps the columns of the key apart from those of the version, which are as they are in their table. */
const PREFIX = 'of_key_';

/** What is selected from `key` joined with `key_version`, so that both are of one moment. */
export const FOUND_COLUMNS: string = [
  ...KEY_COLUMNS.map((column) => `key.${column} AS ${PREFIX}${column}`),
  ...KEY_VERSION_COLUMNS.map((column) => `key_version.${column} AS ${column}`),
].join(', ');

/** @throws StrongroomError `StoreTampered` */
export function decodeFoundRow(row: RawRow): FoundKeyVersion {
  return {
    key: decodeKeyRow(row, PREFIX),
    // Null throughout where the join found no version; a version has a name in every case.
    version: row.name === null ? undefined : decodeKeyVersionRow(row),
  };
}
