import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  sealedDocumentBytes,
  sealedIntentBytes,
  sealedKeyBytes,
  sealedKeyVersionBytes,
} from '../../src/store/record_seal.ts';
import type { KeyVersionRecord } from '../../src/store/store.ts';
import { DOCUMENT_FIELDS, INTENT_FIELDS, KEY_FIELDS, KEY_VERSION_FIELDS } from './record_arbitraries.ts';
import { document, intent, key, keyVersion, same } from './store_records.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Two records have the same bytes exactly where they are the same; fields are few-valued, so that both happen. */
function testSeal<Record extends object>(
  what: string,
  fields: { readonly [Name in keyof Record]: fc.Arbitrary<Record[Name]> },
  seal: (record: Record) => Uint8Array,
): void {
  const records = fc.record(fields) as unknown as fc.Arbitrary<Record>;
  const names = Object.keys(fields) as (keyof Record & string)[];
  const agree = (t: ExecutionContext, one: Record, other: Record): void => {
    if ((hex(seal(one)) === hex(seal(other))) !== same(one, other)) t.fail(JSON.stringify([one, other]));
  };

  for (const name of names) {
    test(`the seal of ${what} is over its ${name}, whatever it is changed to`, (t) => {
      fc.assert(
        fc.property(records, fields[name], (one, value) => agree(t, one, { ...one, [name]: value })),
        { numRuns: 500 },
      );
      t.pass();
    });
  }

  test(`no two records of ${what} give the same bytes, and the same record gives the same ones`, (t) => {
    fc.assert(
      fc.property(records, records, fc.subarray(names), (one, other, taken) => {
        const mixed = { ...one, ...Object.fromEntries(taken.map((name) => [name, other[name]])) } as Record;
        agree(t, one, other);
        agree(t, one, mixed);
        agree(t, other, mixed);
        agree(t, one, structuredClone(one));
      }),
      { numRuns: 2_000 },
    );
    t.pass();
  });
}

testSeal('a key', KEY_FIELDS, sealedKeyBytes);
testSeal('a key version', KEY_VERSION_FIELDS, sealedKeyVersionBytes);
testSeal('an intent', INTENT_FIELDS, sealedIntentBytes);
testSeal('a document', DOCUMENT_FIELDS, sealedDocumentBytes);

test('the bytes of records of different kinds begin differently', (t) => {
  const all = [
    sealedKeyBytes(key().record),
    sealedKeyVersionBytes(keyVersion().record),
    sealedIntentBytes(intent().record),
    sealedDocumentBytes(document().record),
  ];
  const contexts = all.map((bytes) => hex(bytes.subarray(0, 4 + Buffer.from(bytes).readUInt32BE(0))));
  t.is(new Set(contexts).size, all.length);
});

const { record } = keyVersion({ tags: { a: 'b', c: 'd' }, notBefore: 5 });
const point = record.publicKey as Extract<KeyVersionRecord['publicKey'], { keyType: 'EC-HSM' }>;

const lookalikes: Record<string, Partial<KeyVersionRecord>> = {
  'one operation less': { operations: ['sign'] },
  'operations in another order': { operations: ['verify', 'sign'] },
  'notBefore as expires': { notBefore: undefined, expires: 5 },
  'border between tags': { tags: { ab: '', c: 'd' } },
  'x and y the other way round': { publicKey: { ...point, x: point.y, y: point.x } },
  'no wrappedKey': { wrappedKey: undefined },
  'empty wrappedKey': { wrappedKey: new Uint8Array(0) },
  'empty release policy': { releasePolicy: { contentType: '', data: new Uint8Array(0), immutable: false } },
};

test('key versions that are nearly the same have bytes of their own', (t) => {
  const all = [record, ...Object.values(lookalikes).map((change) => ({ ...record, ...change }))];
  t.is(new Set(all.map((each) => hex(sealedKeyVersionBytes(each)))).size, all.length);
});

test('the order in which a database gives tags does not matter', (t) => {
  t.is(hex(sealedKeyVersionBytes({ ...record, tags: { c: 'd', a: 'b' } })), hex(sealedKeyVersionBytes(record)));
});

const text = (value: string): string => {
  const bytes = Buffer.from(value, 'utf16le');
  return bytes.length.toString(16).padStart(8, '0').concat(bytes.toString('hex'));
};
const integer = (value: number): string => `00000008${value.toString(16).padStart(16, '0')}`;
const ABSENT = 'ffffffff';
const YES = '0000000101';
const NO = '0000000100';

test('the bytes under the seal of a key version stay as they are from release to release', (t) => {
  const fixed = sealedKeyVersionBytes({
    name: 'orders',
    version: '0123456789abcdef0123456789abcdef',
    spec: { keyType: 'oct-HSM', size: 256 },
    custody: 'wrapped',
    operations: ['encrypt'],
    enabled: true,
    notBefore: undefined,
    expires: 9,
    created: 1,
    updated: 2,
    exportable: true,
    releasePolicy: { contentType: 'c', data: Uint8Array.of(7), immutable: true },
    tags: { t: 'u' },
    publicKey: { keyType: 'oct-HSM' },
    wrappedKey: Uint8Array.of(1, 2),
    objectId: Uint8Array.of(3),
    revision: 1,
  });
  const names = [text('strongroom/key_version/2'), text('orders'), text('0123456789abcdef0123456789abcdef')];
  const spec = [text('oct-HSM'), integer(256), ABSENT, ABSENT];
  const use = [text('wrapped'), integer(1), text('encrypt'), YES, ABSENT, integer(9), integer(1), integer(2)];
  const release = [YES, YES, text('c'), '0000000107', YES];
  const tags = [integer(1), text('t'), text('u')];
  const publicKey = [text('oct-HSM'), ABSENT, ABSENT, ABSENT, ABSENT, ABSENT];
  const rest = ['000000020102', '0000000103', integer(1)];
  t.is(hex(fixed), [...names, ...spec, ...use, ...release, ...tags, ...publicKey, ...rest].join(''));
});

test('the bytes under the seal of a key stay as they are from release to release', (t) => {
  const fixed = sealedKeyBytes({
    name: 'orders',
    newest: 'v',
    versions: 3,
    deletion: { deleted: 4, scheduledPurge: 5 },
    rotationPolicy: {
      lifetimeActions: [{ action: 'Rotate', timeAfterCreate: 'P1D', timeBeforeExpiry: undefined }],
      expiryTime: undefined,
      created: 6,
      updated: 7,
    },
    rotationDue: undefined,
    revision: 8,
  });
  const names = [text('strongroom/key/1'), text('orders'), text('v'), integer(3)];
  const deletion = [YES, integer(4), integer(5)];
  const policy = [YES, integer(1), text('Rotate'), text('P1D'), ABSENT, ABSENT, integer(6), integer(7)];
  t.is(hex(fixed), [...names, ...deletion, ...policy, ABSENT, integer(8)].join(''));
  const bare = sealedKeyBytes({ ...key().record, name: 'orders', newest: 'v' });
  t.is(hex(bare), [...names.slice(0, 3), integer(1), NO, NO, ABSENT, integer(1)].join(''));
});

test('the bytes under the seal of a document stay as they are from release to release', (t) => {
  const fixed = sealedDocumentBytes({ collection: 'c', id: 'd', content: '{}', revision: 2 });
  t.is(hex(fixed), [text('strongroom/document/1'), text('c'), text('d'), text('{}'), integer(2)].join(''));
});
