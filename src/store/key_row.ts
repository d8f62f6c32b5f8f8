import type { LifetimeAction, RotationPolicy } from '../model/rotation_policy.ts';
import { ownedBytes } from './owned_bytes.ts';
import { type RawRow, RowReader } from './row_reader.ts';
import type { KeyDeletion, SealedKey } from './store.ts';

/** A key as columns, the same ones in every database. */
export interface KeyRow {
  readonly name: string;
  readonly newest: string;
  readonly versions: number;
  /** Null while the key is not deleted, together with `scheduled_purge`. */
  readonly deleted: number | null;
  readonly scheduled_purge: number | null;
  /** JSON: a rotation policy, null for each of its fields that is absent. */
  readonly rotation_policy: string | null;
  readonly rotation_due: number | null;
  readonly revision: number;
  readonly seal: Uint8Array;
}

/** Every column, in the order of the table. */
export const KEY_COLUMNS: readonly (keyof KeyRow)[] = [
  'name',
  'newest',
  'versions',
  'deleted',
  'scheduled_purge',
  'rotation_policy',
  'rotation_due',
  'revision',
  'seal',
];

export function encodeKeyRow({ record, seal }: SealedKey): KeyRow {
  return {
    name: record.name,
    newest: record.newest,
    versions: record.versions,
    deleted: record.deletion?.deleted ?? null,
    scheduled_purge: record.deletion?.scheduledPurge ?? null,
    rotation_policy: record.rotationPolicy === undefined ? null : encodePolicy(record.rotationPolicy),
    rotation_due: record.rotationDue ?? null,
    revision: record.revision,
    seal: ownedBytes(seal),
  };
}

function encodePolicy(policy: RotationPolicy): string {
  return JSON.stringify({
    lifetimeActions: policy.lifetimeActions.map(({ action, timeAfterCreate, timeBeforeExpiry }) => ({
      action,
      timeAfterCreate: timeAfterCreate ?? null,
      timeBeforeExpiry: timeBeforeExpiry ?? null,
    })),
    expiryTime: policy.expiryTime ?? null,
    created: policy.created,
    updated: policy.updated,
  });
}

/**
 * A key out of what a database gave. Whether it is the one that was stored is for the seal to say.
 * @throws StrongroomError `StoreTampered` when it is no key at all
 */
export function decodeKeyRow(row: RawRow, prefix = ''): SealedKey {
  const read = new RowReader<KeyRow>(row, 'key', prefix);
  return {
    record: {
      name: read.text('name'),
      newest: read.text('newest'),
      versions: read.integer('versions'),
      deletion: readDeletion(read),
      rotationPolicy: read.optional('rotation_policy', (column) => read.json(column, decodePolicy)),
      rotationDue: read.optional('rotation_due', (column) => read.integer(column)),
      revision: read.integer('revision'),
    },
    seal: read.bytes('seal'),
  };
}

function readDeletion(read: RowReader<KeyRow>): KeyDeletion | undefined {
  if (read.has('deleted')) return { deleted: read.integer('deleted'), scheduledPurge: read.integer('scheduled_purge') };
  read.absent('scheduled_purge');
  return undefined;
}

function decodePolicy(value: unknown): RotationPolicy | undefined {
  if (!isObject(value) || !Array.isArray(value.lifetimeActions)) return undefined;
  const { expiryTime, created, updated } = value;
  const lifetimeActions = value.lifetimeActions.map(decodeAction).filter((action) => action !== undefined);
  if (lifetimeActions.length !== value.lifetimeActions.length) return undefined;
  if (!isTextOrNull(expiryTime) || !isInteger(created) || !isInteger(updated)) return undefined;
  return { lifetimeActions, expiryTime: expiryTime ?? undefined, created, updated };
}

function decodeAction(value: unknown): LifetimeAction | undefined {
  if (!isObject(value)) return undefined;
  const { action, timeAfterCreate, timeBeforeExpiry } = value;
  if (action !== 'Rotate' && action !== 'Notify') return undefined;
  if (!isTextOrNull(timeAfterCreate) || !isTextOrNull(timeBeforeExpiry)) return undefined;
  return { action, timeAfterCreate: timeAfterCreate ?? undefined, timeBeforeExpiry: timeBeforeExpiry ?? undefined };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === 'string';
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);
