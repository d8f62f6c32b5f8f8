import { ownedBytes } from './owned_bytes.ts';
import { type RawRow, RowReader } from './row_reader.ts';
import type { SealedIntent } from './store.ts';

/** An intent as columns, the same ones in every database. */
export interface IntentRow {
  readonly id: string;
  readonly token: string;
  readonly kind: string;
  readonly name: string;
  readonly version: string;
  readonly object_id: Uint8Array;
  readonly created: number;
  readonly seal: Uint8Array;
}

/** Every column, in the order of the table. */
export const INTENT_COLUMNS: readonly (keyof IntentRow)[] = [
  'id',
  'token',
  'kind',
  'name',
  'version',
  'object_id',
  'created',
  'seal',
];

export function encodeIntentRow({ record, seal }: SealedIntent): IntentRow {
  const { id, token, kind, name, version, created } = record;
  return { id, token, kind, name, version, object_id: ownedBytes(record.objectId), created, seal: ownedBytes(seal) };
}

/** @throws StrongroomError `StoreTampered` when it is no intent at all */
export function decodeIntentRow(row: RawRow): SealedIntent {
  const read = new RowReader<IntentRow>(row, 'intent');
  return {
    record: {
      id: read.text('id'),
      token: read.text('token'),
      kind: read.oneOf('kind', ['make', 'destroy']),
      name: read.text('name'),
      version: read.text('version'),
      objectId: read.bytes('object_id'),
      created: read.integer('created'),
    },
    seal: read.bytes('seal'),
  };
}
