import test from 'ava';
import fc from 'fast-check';
import { StrongroomError } from '../../src/model/errors.ts';
import { KEY_OPERATIONS } from '../../src/model/key_operation.ts';
import { DOCUMENT_COLUMNS, decodeDocumentRow, encodeDocumentRow } from '../../src/store/document_row.ts';
import { decodeFoundRow } from '../../src/store/found_row.ts';
import { decodeIntentRow, encodeIntentRow, INTENT_COLUMNS } from '../../src/store/intent_row.ts';
import { decodeKeyRow, encodeKeyRow, KEY_COLUMNS } from '../../src/store/key_row.ts';
import { decodeKeyVersionRow, encodeKeyVersionRow, KEY_VERSION_COLUMNS } from '../../src/store/key_version_row.ts';
import type { RawRow } from '../../src/store/row_reader.ts';
import type { KeyVersionRecord, Sealed } from '../../src/store/store.ts';
import { DOCUMENT_FIELDS, INTENT_FIELDS, KEY_FIELDS, KEY_VERSION_FIELDS, publicKeyOf } from './record_arbitraries.ts';
import { bytes, document, intent, key, keyVersion, plain } from './store_records.ts';

const keyVersions = fc
  .record(KEY_VERSION_FIELDS)
  .chain((record) => publicKeyOf(record.spec).map((publicKey) => ({ ...record, publicKey })));

function testCodec<Record>(
  what: string,
  records: fc.Arbitrary<Record>,
  columns: readonly string[],
  encode: (sealed: Sealed<Record>) => object,
  decode: (row: RawRow) => Sealed<Record>,
): void {
  test(`every ${what} comes back out of its columns as it was`, (t) => {
    fc.assert(
      fc.property(records, (record) => {
        const sealed = { record, seal: bytes(32) };
        const row = encode(sealed);
        t.deepEqual(Object.keys(row).toSorted(), columns.toSorted());
        t.deepEqual(plain(decode(row as RawRow)), plain(sealed));
      }),
      { numRuns: 300 },
    );
  });
}

testCodec('key', fc.record(KEY_FIELDS), KEY_COLUMNS, encodeKeyRow, (row) => decodeKeyRow(row));
testCodec('key version', keyVersions, KEY_VERSION_COLUMNS, encodeKeyVersionRow, decodeKeyVersionRow);
testCodec('intent', fc.record(INTENT_FIELDS), INTENT_COLUMNS, encodeIntentRow, decodeIntentRow);
testCodec('document', fc.record(DOCUMENT_FIELDS), DOCUMENT_COLUMNS, encodeDocumentRow, decodeDocumentRow);

const POLICY = { lifetimeActions: [], expiryTime: null, created: 1, updated: 1 };
const policy = (changes: object): string => JSON.stringify({ ...POLICY, ...changes });
const action = (changes: object): string =>
  policy({ lifetimeActions: [{ action: 'Rotate', timeAfterCreate: null, timeBeforeExpiry: null, ...changes }] });

const notAText = [null, undefined, 1, Buffer.alloc(1)];
const notAnInteger = [null, undefined, 'a', '1', 1.5, Number.MAX_SAFE_INTEGER + 1, 1n, Number.NaN];
const notBytes = [null, undefined, 'a', 1];
const notOptional = (wrong: readonly unknown[]): readonly unknown[] => wrong.filter((value) => value !== null);

const BROKEN_KEYS: Readonly<Record<string, readonly unknown[]>> = {
  name: notAText,
  newest: notAText,
  versions: notAnInteger,
  deleted: [...notOptional(notAnInteger), 1],
  scheduled_purge: [...notOptional(notAnInteger), 1],
  rotation_policy: [
    ...notOptional(notAText),
    ...['', '{', 'null', '[]', '{}', policy({ lifetimeActions: {} }), policy({ lifetimeActions: [null] })],
    ...[
      policy({ expiryTime: 1 }),
      policy({ created: '1' }),
      policy({ updated: null }),
      policy({ expiryTime: undefined }),
    ],
    ...[action({ action: 'Burn' }), action({ timeAfterCreate: 1 }), action({ timeBeforeExpiry: undefined })],
  ],
  rotation_due: notOptional(notAnInteger),
  revision: notAnInteger,
  seal: notBytes,
};

const BROKEN_KEY_VERSIONS: Readonly<Record<string, readonly unknown[]>> = {
  name: notAText,
  version: notAText,
  key_type: [...notAText, 'DSA-HSM', 'RSA-HSM', 'oct-HSM'],
  key_size: [256, 'a', undefined],
  curve: [...notAText, 'P-224'],
  exponent: [3, undefined],
  custody: [...notAText, 'lost'],
  operations: [...notAText, '["sign","fly"]', '{}', 'null', '[', '"sign"'],
  enabled: [null, undefined, 2, -1, true, '1'],
  not_before: notOptional(notAnInteger),
  expires: notOptional(notAnInteger),
  created: notAnInteger,
  updated: notAnInteger,
  exportable: [null, undefined, 2, true],
  release_policy_type: [undefined, 1, 'text/plain'],
  release_policy: [undefined, 'a', Buffer.alloc(1)],
  release_policy_immutable: [undefined, 0, 1],
  tags: [...notAText, '{"a":1}', '{"a":null}', '[]', '[', 'null', '1'],
  public_modulus: [undefined, Buffer.alloc(1)],
  public_exponent: [undefined, Buffer.alloc(1)],
  public_x: notBytes,
  public_y: notBytes,
  wrapped_key: notOptional(notBytes),
  object_id: notBytes,
  revision: notAnInteger,
  seal: notBytes,
};

const BROKEN_INTENTS: Readonly<Record<string, readonly unknown[]>> = {
  id: notAText,
  token: notAText,
  kind: [...notAText, 'keep'],
  name: notAText,
  version: notAText,
  object_id: notBytes,
  created: notAnInteger,
  seal: notBytes,
};

const BROKEN_DOCUMENTS: Readonly<Record<string, readonly unknown[]>> = {
  collection: notAText,
  id: notAText,
  content: notAText,
  revision: notAnInteger,
  seal: notBytes,
};

function testRefusals(
  what: string,
  row: object,
  broken: Readonly<Record<string, readonly unknown[]>>,
  decode: (row: RawRow) => unknown,
): void {
  test(`a row that is no ${what} is refused, whatever column is broken`, (t) => {
    t.deepEqual(Object.keys(broken).toSorted(), Object.keys(row).toSorted());
    t.notThrows(() => decode(row as RawRow));
    for (const [column, values] of Object.entries(broken)) {
      for (const value of values) {
        const error = t.throws(() => decode({ ...row, [column]: value }), { instanceOf: StrongroomError }, column);
        t.is(error?.code, 'StoreTampered', column);
        t.false(error?.message.includes(column));
      }
    }
  });
}

testRefusals('key', encodeKeyRow(key()), BROKEN_KEYS, (row) => decodeKeyRow(row));
testRefusals('key version', encodeKeyVersionRow(keyVersion()), BROKEN_KEY_VERSIONS, decodeKeyVersionRow);
testRefusals('intent', encodeIntentRow(intent()), BROKEN_INTENTS, decodeIntentRow);
testRefusals('document', encodeDocumentRow(document()), BROKEN_DOCUMENTS, decodeDocumentRow);

test('a release policy is there with all of its columns or not at all', (t) => {
  const releasePolicy = { contentType: 'c', data: bytes(3), immutable: false };
  const row = encodeKeyVersionRow(keyVersion({ releasePolicy }));
  t.deepEqual(plain(decodeKeyVersionRow({ ...row }).record.releasePolicy), plain(releasePolicy));
  for (const column of ['release_policy_type', 'release_policy', 'release_policy_immutable'] as const) {
    t.throws(() => decodeKeyVersionRow({ ...row, [column]: null }), { code: 'StoreTampered' }, column);
  }
});

test('bytes that are handed to another thread have no neighbours', (t) => {
  const pooled = Buffer.from('one of many in a pool of buffers');
  const row = encodeKeyVersionRow({ ...keyVersion({ wrappedKey: pooled, objectId: pooled }), seal: pooled });
  for (const value of [row.wrapped_key, row.object_id, row.seal]) t.is(value?.buffer.byteLength, pooled.length);
});

test('a key whose version the join has not found is found without it', (t) => {
  const ofKey = Object.fromEntries(
    Object.entries(encodeKeyRow(key())).map(([name, value]) => [`of_key_${name}`, value]),
  );
  const nothing = Object.fromEntries(KEY_VERSION_COLUMNS.map((column) => [column, null]));
  t.is(decodeFoundRow({ ...ofKey, ...nothing }).version, undefined);
  t.throws(() => decodeFoundRow({ ...ofKey, ...nothing, name: 'orders' }), { code: 'StoreTampered' });
});

test('rows of key versions that say the same have one value of it, which nobody changes for the other', (t) => {
  const rows = [keyVersion(), keyVersion()].map((sealed) => encodeKeyVersionRow(sealed) as unknown as RawRow);
  const [one, other] = rows.map((row) => decodeKeyVersionRow(row).record) as [KeyVersionRecord, KeyVersionRecord];
  for (const member of ['spec', 'operations', 'tags'] as const) {
    t.is(one[member], other[member], member);
    t.true(Object.isFrozen(one[member]), member);
  }
  t.not(one.publicKey, other.publicKey);
});

test('however many lists of operations there have been, each row has its own', (t) => {
  const orders = fc.sample(fc.shuffledSubarray([...KEY_OPERATIONS], { minLength: 6 }), 1_000);
  for (const operations of orders) {
    const { record } = decodeKeyVersionRow(encodeKeyVersionRow(keyVersion({ operations })) as unknown as RawRow);
    t.deepEqual(record.operations, operations);
  }
});
