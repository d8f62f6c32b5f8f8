import { StrongroomError } from '../model/errors.ts';
import { CURVES, type KeySpec, type KeyType, OCT_SIZES, type PublicKey, RSA_SIZES } from '../model/key.ts';
import { KEY_OPERATIONS, type KeyOperation } from '../model/key_operation.ts';
import type { SealedKeyVersion } from './store.ts';

/** A key version as columns. Keys are the columns' names. */
export interface KeyVersionRow {
  readonly name: string;
  readonly version: string;
  readonly key_type: string;
  readonly key_size: number | null;
  readonly curve: string | null;
  readonly exponent: number | null;
  readonly custody: string;
  /** JSON: an array of names. */
  readonly operations: string;
  readonly enabled: number;
  readonly not_before: number | null;
  readonly expires: number | null;
  readonly created: number;
  readonly updated: number;
  readonly exportable: number;
  /** JSON: an object of texts. */
  readonly tags: string;
  readonly public_modulus: Uint8Array | null;
  readonly public_exponent: Uint8Array | null;
  readonly public_x: Uint8Array | null;
  readonly public_y: Uint8Array | null;
  readonly wrapped_key: Uint8Array | null;
  readonly object_id: Uint8Array;
  readonly revision: number;
  readonly seal: Uint8Array;
}

/** Every column that a record has, in the order of the table. */
export const KEY_VERSION_COLUMNS: readonly (keyof KeyVersionRow)[] = [
  'name',
  'version',
  'key_type',
  'key_size',
  'curve',
  'exponent',
  'custody',
  'operations',
  'enabled',
  'not_before',
  'expires',
  'created',
  'updated',
  'exportable',
  'tags',
  'public_modulus',
  'public_exponent',
  'public_x',
  'public_y',
  'wrapped_key',
  'object_id',
  'revision',
  'seal',
];

/** Byte columns are copies that own their memory: they may be handed to another thread without what lies beside them. */
export function encodeRow({ record, seal }: SealedKeyVersion): KeyVersionRow {
  const { spec, publicKey } = record;
  return {
    name: record.name,
    version: record.version,
    key_type: spec.keyType,
    key_size: 'size' in spec ? spec.size : null,
    curve: 'curve' in spec ? spec.curve : null,
    exponent: 'publicExponent' in spec ? spec.publicExponent : null,
    custody: record.custody,
    operations: JSON.stringify(record.operations),
    enabled: record.enabled ? 1 : 0,
    not_before: record.notBefore ?? null,
    expires: record.expires ?? null,
    created: record.created,
    updated: record.updated,
    exportable: record.exportable ? 1 : 0,
    tags: JSON.stringify(record.tags),
    public_modulus: 'modulus' in publicKey ? owned(publicKey.modulus) : null,
    public_exponent: 'publicExponent' in publicKey ? owned(publicKey.publicExponent) : null,
    public_x: 'x' in publicKey ? owned(publicKey.x) : null,
    public_y: 'y' in publicKey ? owned(publicKey.y) : null,
    wrapped_key: record.wrappedKey === undefined ? null : owned(record.wrappedKey),
    object_id: owned(record.objectId),
    revision: record.revision,
    seal: owned(seal),
  };
}

const owned = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

/**
 * A record out of what a database gave. Whether it is the one that was stored is for the seal to say.
 * @throws StrongroomError `StoreTampered` when it is no record at all.
 */
export function decodeRow(row: Readonly<Record<string, unknown>>): SealedKeyVersion {
  const read = new RowReader(row);
  const spec = readSpec(read);
  return {
    record: {
      name: read.text('name'),
      version: read.text('version'),
      spec,
      custody: read.oneOf('custody', ['wrapped', 'resident']),
      operations: readOperations(read),
      enabled: read.flag('enabled'),
      notBefore: read.optional('not_before', (column) => read.integer(column)),
      expires: read.optional('expires', (column) => read.integer(column)),
      created: read.integer('created'),
      updated: read.integer('updated'),
      exportable: read.flag('exportable'),
      tags: readTags(read),
      publicKey: readPublicKey(read, spec),
      wrappedKey: read.optional('wrapped_key', (column) => read.bytes(column)),
      objectId: read.bytes('object_id'),
      revision: read.integer('revision'),
    },
    seal: read.bytes('seal'),
  };
}

const COLUMNS_OF_TYPE: Readonly<Record<KeyType, readonly Column[]>> = {
  'RSA-HSM': ['key_size', 'exponent', 'public_modulus', 'public_exponent'],
  'EC-HSM': ['curve', 'public_x', 'public_y'],
  'oct-HSM': ['key_size'],
};
const COLUMNS_OF_SOME_TYPE: ReadonlySet<Column> = new Set(Object.values(COLUMNS_OF_TYPE).flat());

function readSpec(read: RowReader): KeySpec {
  const keyType = read.oneOf('key_type', ['RSA-HSM', 'EC-HSM', 'oct-HSM']);
  for (const column of COLUMNS_OF_SOME_TYPE) if (!COLUMNS_OF_TYPE[keyType].includes(column)) read.absent(column);
  if (keyType === 'EC-HSM') return { keyType, curve: read.oneOf('curve', CURVES) };
  if (keyType === 'oct-HSM') return { keyType, size: read.oneOf('key_size', OCT_SIZES) };
  return { keyType, size: read.oneOf('key_size', RSA_SIZES), publicExponent: read.integer('exponent') };
}

function readPublicKey(read: RowReader, spec: KeySpec): PublicKey {
  if (spec.keyType === 'oct-HSM') return { keyType: spec.keyType };
  if (spec.keyType === 'EC-HSM') {
    return { keyType: spec.keyType, curve: spec.curve, x: read.bytes('public_x'), y: read.bytes('public_y') };
  }
  return {
    keyType: spec.keyType,
    modulus: read.bytes('public_modulus'),
    publicExponent: read.bytes('public_exponent'),
  };
}

function readOperations(read: RowReader): KeyOperation[] {
  const operations = read.json('operations');
  if (!Array.isArray(operations)) throw tampered('operations');
  return operations.map((operation: unknown) => {
    const known = KEY_OPERATIONS.find((each) => each === operation);
    if (known === undefined) throw tampered('operations');
    return known;
  });
}

function readTags(read: RowReader): Record<string, string> {
  const tags = read.json('tags');
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) throw tampered('tags');
  for (const value of Object.values(tags)) if (typeof value !== 'string') throw tampered('tags');
  return tags as Record<string, string>;
}

type Column = keyof KeyVersionRow;

class RowReader {
  readonly #row: Readonly<Record<string, unknown>>;

  constructor(row: Readonly<Record<string, unknown>>) {
    this.#row = row;
  }

  text(column: Column): string {
    const value = this.#row[column];
    if (typeof value !== 'string') throw tampered(column);
    return value;
  }

  integer(column: Column): number {
    const value = this.#row[column];
    if (!Number.isSafeInteger(value)) throw tampered(column);
    return value as number;
  }

  bytes(column: Column): Uint8Array {
    const value = this.#row[column];
    if (!(value instanceof Uint8Array)) throw tampered(column);
    return value;
  }

  flag(column: Column): boolean {
    return this.oneOf(column, [0, 1]) === 1;
  }

  absent(column: Column): void {
    if (this.#row[column] !== null) throw tampered(column);
  }

  optional<Value>(column: Column, read: (column: Column) => Value): Value | undefined {
    return this.#row[column] === null ? undefined : read(column);
  }

  oneOf<const Value>(column: Column, values: readonly Value[]): Value {
    const value = values.find((each) => each === this.#row[column]);
    if (value === undefined) throw tampered(column);
    return value;
  }

  json(column: Column): unknown {
    try {
      return JSON.parse(this.text(column));
    } catch {
      throw tampered(column);
    }
  }
}

function tampered(column: string): StrongroomError {
  return new StrongroomError('StoreTampered', 'A key version in the store is not what was stored.', {
    cause: new Error(`The column ${column} of key_version does not decode`),
  });
}
