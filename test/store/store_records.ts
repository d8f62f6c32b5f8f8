import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type {
  DocumentChange,
  DocumentRecord,
  Intent,
  KeyChange,
  KeyLimits,
  KeyRecord,
  KeyVersionRecord,
  SealedDocument,
  SealedIntent,
  SealedKey,
  SealedKeyVersion,
} from '../../src/store/store.ts';

export const WIDE: KeyLimits = { keys: 1_000_000, versionsPerKey: 100 };

export function bytes(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

const hexId = (): string => randomBytes(16).toString('hex');

export function keyVersion(changes: Partial<KeyVersionRecord> = {}): SealedKeyVersion {
  return {
    record: {
      name: 'orders',
      version: hexId(),
      spec: { keyType: 'EC-HSM', curve: 'P-256' },
      custody: 'wrapped',
      operations: ['sign', 'verify'],
      enabled: true,
      notBefore: undefined,
      expires: undefined,
      created: 1_790_000_000,
      updated: 1_790_000_000,
      exportable: false,
      releasePolicy: undefined,
      tags: {},
      publicKey: { keyType: 'EC-HSM', curve: 'P-256', x: bytes(32), y: bytes(32) },
      wrappedKey: bytes(160),
      objectId: bytes(16),
      revision: 1,
      ...changes,
    },
    seal: bytes(32),
  };
}

export function key(changes: Partial<KeyRecord> = {}): SealedKey {
  return {
    record: {
      name: 'orders',
      newest: 'a'.repeat(32),
      versions: 1,
      deletion: undefined,
      rotationPolicy: undefined,
      rotationDue: undefined,
      revision: 1,
      ...changes,
    },
    seal: bytes(32),
  };
}

export function intent(changes: Partial<Intent> = {}): SealedIntent {
  return {
    record: {
      id: hexId(),
      token: '0123456789abcdef',
      kind: 'make',
      name: 'orders',
      version: 'a'.repeat(32),
      objectId: bytes(16),
      created: 1_790_000_000,
      ...changes,
    },
    seal: bytes(32),
  };
}

export function document(changes: Partial<DocumentRecord> = {}): SealedDocument {
  return {
    record: { collection: 'setting', id: 'orders', content: '{"open":true}', revision: 1, ...changes },
    seal: bytes(32),
  };
}

/** How a document becomes this one, from the revision before. */
export function documentChange(sealed: SealedDocument): DocumentChange {
  const { collection, id, revision } = sealed.record;
  return { collection, id, expectedRevision: revision === 1 ? undefined : revision - 1, document: sealed };
}

/** A key that comes with its one version. */
export interface NewKey extends KeyChange {
  readonly key: SealedKey;
  readonly version: SealedKeyVersion;
}

export function newKey(name: string, changes: Partial<KeyRecord> = {}, version = keyVersion({ name })): NewKey {
  const sealed = key({ name, newest: version.record.version, ...changes });
  return { name, expectedRevision: undefined, key: sealed, versions: [version], version };
}

/** The next change of a key, with one version more where one is given. */
export function nextChange(before: SealedKey, changes: Partial<KeyRecord>, version?: SealedKeyVersion): NextChange {
  const { record } = before;
  const added = version === undefined ? {} : { newest: version.record.version, versions: record.versions + 1 };
  return {
    name: record.name,
    expectedRevision: record.revision,
    key: { record: { ...record, ...added, revision: record.revision + 1, ...changes }, seal: bytes(32) },
    versions: version === undefined ? [] : [version],
  };
}

export interface NextChange extends KeyChange {
  readonly key: SealedKey;
}

export function removal({ record }: SealedKey): KeyChange {
  return { name: record.name, expectedRevision: record.revision, key: undefined, versions: [] };
}

/** With arrays of bytes of one kind, for comparison: a database gives bytes as it likes. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

export function same(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}
