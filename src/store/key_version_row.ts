import {
  CURVES,
  type EcKeySpec,
  type KeySpec,
  type KeyType,
  OCT_SIZES,
  type OctKeySpec,
  type PublicKey,
  RSA_SIZES,
} from '../model/key.ts';
import { KEY_OPERATIONS, type KeyOperation } from '../model/key_operation.ts';
import type { ReleasePolicy } from '../model/release_policy.ts';
import { ownedBytes } from './owned_bytes.ts';
import { type RawRow, RowReader } from './row_reader.ts';
import type { SealedKeyVersion } from './store.ts';

/** A key version as columns, the same ones in every database. */
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
  /** Null without a release policy, together with the two that follow. */
  readonly release_policy_type: string | null;
  readonly release_policy: Uint8Array | null;
  readonly release_policy_immutable: number | null;
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

/** Every column, in the order of the table. */
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
  'release_policy_type',
  'release_policy',
  'release_policy_immutable',
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

export function encodeKeyVersionRow({ record, seal }: SealedKeyVersion): KeyVersionRow {
  const { spec, publicKey, releasePolicy } = record;
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
    release_policy_type: releasePolicy?.contentType ?? null,
    release_policy: releasePolicy === undefined ? null : ownedBytes(releasePolicy.data),
    release_policy_immutable: releasePolicy === undefined ? null : Number(releasePolicy.immutable),
    tags: JSON.stringify(record.tags),
    public_modulus: 'modulus' in publicKey ? ownedBytes(publicKey.modulus) : null,
    public_exponent: 'publicExponent' in publicKey ? ownedBytes(publicKey.publicExponent) : null,
    public_x: 'x' in publicKey ? ownedBytes(publicKey.x) : null,
    public_y: 'y' in publicKey ? ownedBytes(publicKey.y) : null,
    wrapped_key: record.wrappedKey === undefined ? null : ownedBytes(record.wrappedKey),
    object_id: ownedBytes(record.objectId),
    revision: record.revision,
    seal: ownedBytes(seal),
  };
}

/**
 * A key version out of what a database gave. Whether it is the one that was stored is for the seal to say.
 * @throws StrongroomError `StoreTampered` when it is no key version at all
 */
export function decodeKeyVersionRow(row: RawRow): SealedKeyVersion {
  const read = new RowReader<KeyVersionRow>(row, 'key_version');
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
      releasePolicy: readReleasePolicy(read),
      tags: readTags(read),
      publicKey: readPublicKey(read, spec),
      wrappedKey: read.optional('wrapped_key', (column) => read.bytes(column)),
      objectId: ownedBytes(read.bytes('object_id')),
      revision: read.integer('revision'),
    },
    seal: read.bytes('seal'),
  };
}

const COLUMNS_OF_TYPE: Readonly<Record<KeyType, readonly (keyof KeyVersionRow)[]>> = {
  'RSA-HSM': ['key_size', 'exponent', 'public_modulus', 'public_exponent'],
  'EC-HSM': ['curve', 'public_x', 'public_y'],
  'oct-HSM': ['key_size'],
};
const COLUMNS_OF_SOME_TYPE: ReadonlySet<keyof KeyVersionRow> = new Set(Object.values(COLUMNS_OF_TYPE).flat());

// Records of many keys are remembered: what is the same in most of them is there once, and a short copy takes no block of its own outside of V8's heap.
const EC_SPECS = sharedSpecs(CURVES, (curve): EcKeySpec => ({ keyType: 'EC-HSM', curve }));
const OCT_SPECS = sharedSpecs(OCT_SIZES, (size): OctKeySpec => ({ keyType: 'oct-HSM', size }));
const NO_PUBLIC_KEY: PublicKey = Object.freeze({ keyType: 'oct-HSM' });
const NO_TAGS: Readonly<Record<string, string>> = Object.freeze({});
const operationLists = new Map<string, readonly KeyOperation[]>();
const MOST_OPERATION_LISTS = 256;

function sharedSpecs<Size extends string | number, Spec>(
  sizes: readonly Size[],
  specOf: (size: Size) => Spec,
): Readonly<Record<Size, Spec>> {
  return Object.fromEntries(sizes.map((size) => [size, Object.freeze(specOf(size))])) as Record<Size, Spec>;
}

function readSpec(read: RowReader<KeyVersionRow>): KeySpec {
  const keyType = read.oneOf('key_type', ['RSA-HSM', 'EC-HSM', 'oct-HSM']);
  for (const column of COLUMNS_OF_SOME_TYPE) if (!COLUMNS_OF_TYPE[keyType].includes(column)) read.absent(column);
  if (keyType === 'EC-HSM') return EC_SPECS[read.oneOf('curve', CURVES)];
  if (keyType === 'oct-HSM') return OCT_SPECS[read.oneOf('key_size', OCT_SIZES)];
  return { keyType, size: read.oneOf('key_size', RSA_SIZES), publicExponent: read.integer('exponent') };
}

function readPublicKey(read: RowReader<KeyVersionRow>, spec: KeySpec): PublicKey {
  if (spec.keyType === 'oct-HSM') return NO_PUBLIC_KEY;
  if (spec.keyType === 'EC-HSM') {
    return { keyType: spec.keyType, curve: spec.curve, x: read.bytes('public_x'), y: read.bytes('public_y') };
  }
  return {
    keyType: spec.keyType,
    modulus: read.bytes('public_modulus'),
    publicExponent: read.bytes('public_exponent'),
  };
}

function readReleasePolicy(read: RowReader<KeyVersionRow>): ReleasePolicy | undefined {
  if (read.has('release_policy')) {
    return {
      contentType: read.text('release_policy_type'),
      data: read.bytes('release_policy'),
      immutable: read.flag('release_policy_immutable'),
    };
  }
  read.absent('release_policy_type');
  read.absent('release_policy_immutable');
  return undefined;
}

function readOperations(read: RowReader<KeyVersionRow>): readonly KeyOperation[] {
  const text = read.text('operations');
  const known = operationLists.get(text);
  if (known !== undefined) return known;
  const operations = Object.freeze(read.json('operations', decodeOperations));
  if (operationLists.size < MOST_OPERATION_LISTS) operationLists.set(text, operations);
  return operations;
}

function readTags(read: RowReader<KeyVersionRow>): Readonly<Record<string, string>> {
  return read.text('tags') === '{}' ? NO_TAGS : read.json('tags', decodeTags);
}

function decodeOperations(value: unknown): readonly KeyOperation[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const operations = value.flatMap((each: unknown) => KEY_OPERATIONS.find((known) => known === each) ?? []);
  return operations.length === value.length ? operations : undefined;
}

function decodeTags(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.values(value).every((each) => typeof each === 'string') ? (value as Record<string, string>) : undefined;
}
