import test from 'ava';
import { sealedBytes } from '../../src/store/record_seal.ts';
import type { KeyVersionRecord } from '../../src/store/store.ts';
import { keyVersion } from './store_contract.ts';

const hex = (record: KeyVersionRecord): string => Buffer.from(sealedBytes(record)).toString('hex');

const { record } = keyVersion({ tags: { a: 'b', c: 'd' }, notBefore: 5, revision: 3 });
const point = record.publicKey as Extract<KeyVersionRecord['publicKey'], { keyType: 'EC-HSM' }>;

const changes: Record<string, Partial<KeyVersionRecord>> = {
  name: { name: 'orders2' },
  version: { version: 'b'.repeat(32) },
  'type of key': { spec: { keyType: 'oct-HSM', size: 256 } },
  curve: { spec: { keyType: 'EC-HSM', curve: 'P-256K' } },
  custody: { custody: 'resident' },
  'one operation more': { operations: ['sign', 'verify', 'encrypt'] },
  'one operation less': { operations: ['sign'] },
  enabled: { enabled: false },
  notBefore: { notBefore: 6 },
  'no notBefore': { notBefore: undefined },
  'notBefore as expires': { notBefore: undefined, expires: 5 },
  created: { created: record.created + 1 },
  updated: { updated: record.updated + 1 },
  exportable: { exportable: true },
  'value of a tag': { tags: { a: 'b', c: 'e' } },
  'name of a tag': { tags: { a: 'b', d: 'd' } },
  'border between tags': { tags: { ab: '', c: 'd' } },
  'one tag less': { tags: { a: 'b' } },
  'x coordinate': { publicKey: { ...point, x: point.x.map((byte) => byte ^ 1) } },
  'x and y the other way round': { publicKey: { ...point, x: point.y, y: point.x } },
  wrappedKey: { wrappedKey: (record.wrappedKey as Uint8Array).subarray(1) },
  'no wrappedKey': { wrappedKey: undefined },
  'empty wrappedKey': { wrappedKey: new Uint8Array(0) },
  objectId: { objectId: new Uint8Array(16) },
  revision: { revision: 4 },
};

for (const [what, change] of Object.entries(changes)) {
  test(`the seal is over the ${what}`, (t) => {
    t.not(hex({ ...record, ...change }), hex(record));
  });
}

test('no two of these records have the same bytes under the seal', (t) => {
  const all = Object.values(changes).map((change) => hex({ ...record, ...change }));
  t.is(new Set(all).size, all.length);
});

test('the order in which a database gives tags does not matter', (t) => {
  t.is(hex({ ...record, tags: { c: 'd', a: 'b' } }), hex(record));
});

test('the bytes under the seal stay as they are from version to version', (t) => {
  const fixed = hex({
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
    exportable: false,
    tags: { t: 'u' },
    publicKey: { keyType: 'oct-HSM' },
    wrappedKey: Uint8Array.of(1, 2),
    objectId: Uint8Array.of(3),
    revision: 1,
  });
  const text = (value: string) =>
    Buffer.from(value).length.toString(16).padStart(8, '0').concat(Buffer.from(value).toString('hex'));
  const integer = (value: number) => `00000008${value.toString(16).padStart(16, '0')}`;
  const absent = 'ffffffff';
  t.is(
    fixed,
    [
      text('strongroom/key_version/1'),
      text('orders'),
      text('0123456789abcdef0123456789abcdef'),
      text('oct-HSM'),
      integer(256),
      absent,
      absent,
      text('wrapped'),
      integer(1),
      text('encrypt'),
      '0000000101',
      absent,
      integer(9),
      integer(1),
      integer(2),
      '0000000100',
      integer(1),
      text('t'),
      text('u'),
      text('oct-HSM'),
      absent,
      absent,
      absent,
      absent,
      absent,
      '000000020102',
      '0000000103',
      integer(1),
    ].join(''),
  );
});
