import { randomBytes } from 'node:crypto';
import type { TestFn } from 'ava';
import { KEY_OPERATIONS } from '../../src/model/key_operation.ts';
import type { KeyLimits, KeyVersionRecord, SealedKeyVersion, Store } from '../../src/store/store.ts';
import { refused } from '../fixtures/refused.ts';

/** A store that a test has for itself. `reopen` closes it and opens it again over what it had made durable. */
export interface TestStore {
  readonly store: Store;
  reopen(): Promise<Store>;
  remove(): Promise<void>;
}

export const WIDE: KeyLimits = { keys: 1_000, versionsPerKey: 100 };

export function keyVersion(changes: Partial<KeyVersionRecord> = {}): SealedKeyVersion {
  return {
    record: {
      name: 'orders',
      version: randomBytes(16).toString('hex'),
      spec: { keyType: 'EC-HSM', curve: 'P-256' },
      custody: 'wrapped',
      operations: ['sign', 'verify'],
      enabled: true,
      notBefore: undefined,
      expires: undefined,
      created: 1_790_000_000,
      updated: 1_790_000_000,
      exportable: false,
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

function bytes(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

/** What every implementation of Store does. */
export function testStoreContract(test: TestFn, implementation: string, open: () => Promise<TestStore>): void {
  const title = (claim: string): string => `${implementation}: ${claim}`;

  test(title('every field of a key version comes back as it was stored'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    const versions = [
      keyVersion(),
      keyVersion({
        name: 'rsa',
        spec: { keyType: 'RSA-HSM', size: 3072, publicExponent: 65_537 },
        operations: KEY_OPERATIONS,
        enabled: false,
        notBefore: 0,
        expires: 253_402_300_799,
        updated: 1_790_000_009,
        exportable: true,
        tags: { '2': 'two', '1': 'one', ü: '"\\ \u0000 🔑', __proto__x: '' },
        publicKey: { keyType: 'RSA-HSM', modulus: bytes(384), publicExponent: Uint8Array.of(1, 0, 1) },
        wrappedKey: bytes(1_800),
        revision: 7,
      }),
      keyVersion({
        name: 'resident',
        spec: { keyType: 'oct-HSM', size: 192 },
        custody: 'resident',
        operations: [],
        publicKey: { keyType: 'oct-HSM' },
        wrappedKey: undefined,
      }),
    ];
    for (const sealed of versions) await store.addKeyVersion(sealed, WIDE);
    for (const sealed of versions) {
      t.deepEqual(plain(await store.findKeyVersion(sealed.record.name, sealed.record.version)), plain(sealed));
    }
  });

  test(title('what was stored is there after the store was opened again'), async (t) => {
    const { store, reopen, remove } = await open();
    t.teardown(remove);
    const sealed = keyVersion();
    await store.addKeyVersion(sealed, WIDE);
    await store.reserveEncryptions('orders', sealed.record.version, 5, 100);
    const again = await reopen();
    t.deepEqual(plain(await again.findKeyVersion('orders', undefined)), plain(sealed));
    t.is(await again.reserveEncryptions('orders', sealed.record.version, 1, 100), 5);
  });

  test(title('a name alone finds the newest version, and of one second the last that came'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    const first = keyVersion({ created: 100 });
    const newest = keyVersion({ created: 300 });
    const late = keyVersion({ created: 200 });
    const sameSecond = keyVersion({ created: 300 });
    await store.addKeyVersion(first, WIDE);
    await store.addKeyVersion(newest, WIDE);
    await store.addKeyVersion(late, WIDE);
    t.is((await store.findKeyVersion('orders', undefined))?.record.version, newest.record.version);
    await store.addKeyVersion(sameSecond, WIDE);
    t.is((await store.findKeyVersion('orders', undefined))?.record.version, sameSecond.record.version);
  });

  test(title('what is not there is not found'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    await store.addKeyVersion(keyVersion(), WIDE);
    t.is(await store.findKeyVersion('other', undefined), undefined);
    t.is(await store.findKeyVersion('orders', 'f'.repeat(32)), undefined);
    t.is(await store.findKeyVersion('ORDERS', undefined), undefined);
  });

  test(title('a version is stored once'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    const sealed = keyVersion();
    await store.addKeyVersion(sealed, WIDE);
    await refused(t, store.addKeyVersion(keyVersion({ version: sealed.record.version }), WIDE), 'Conflict');
    t.deepEqual(plain(await store.findKeyVersion('orders', sealed.record.version)), plain(sealed));
  });

  test(title('the limits on keys and on versions hold, also among changes of one transaction'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    const limits = { keys: 3, versionsPerKey: 2 };
    const names = ['a', 'b', 'c', 'd', 'e'];
    const keys = await Promise.allSettled(names.map((name) => store.addKeyVersion(keyVersion({ name }), limits)));
    t.deepEqual(
      keys.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
    );
    await refused(t, store.addKeyVersion(keyVersion({ name: 'f' }), limits), 'BadParameter', 'KeyLimitReached');
    await store.addKeyVersion(keyVersion({ name: 'a' }), limits);
    await refused(t, store.addKeyVersion(keyVersion({ name: 'a' }), limits), 'BadParameter', 'KeyVersionLimitReached');
  });

  test(title('a change that is refused does not touch those beside it'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    const sealed = keyVersion();
    const results = await Promise.allSettled([
      store.addKeyVersion(keyVersion({ name: 'before' }), WIDE),
      store.addKeyVersion(sealed, WIDE),
      store.addKeyVersion(sealed, WIDE),
      store.reserveEncryptions('orders', 'e'.repeat(32), 1, 10),
      store.addKeyVersion(keyVersion({ name: 'after' }), WIDE),
    ]);
    t.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    for (const name of ['before', 'orders', 'after']) t.truthy(await store.findKeyVersion(name, undefined));
  });

  test(title('encryptions are counted up to the maximum and not past it'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    const { record } = keyVersion();
    await store.addKeyVersion({ record, seal: bytes(32) }, WIDE);
    const reserve = (count: number) => store.reserveEncryptions('orders', record.version, count, 2 ** 32);
    t.is(await reserve(65_536), 0);
    t.is(await reserve(2 ** 32 - 65_537), 65_536);
    await refused(t, reserve(2), 'Forbidden', 'EncryptionLimitReached');
    t.is(await reserve(1), 2 ** 32 - 1);
    await refused(t, reserve(1), 'Forbidden', 'EncryptionLimitReached');
  });

  test(title('reservations that come together get parts that do not overlap'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    const { record } = keyVersion();
    await store.addKeyVersion({ record, seal: bytes(32) }, WIDE);
    const before = await Promise.all(
      Array.from({ length: 50 }, () => store.reserveEncryptions('orders', record.version, 10, 1_000)),
    );
    t.deepEqual(
      before.toSorted((a, b) => a - b),
      Array.from({ length: 50 }, (_, index) => index * 10),
    );
  });

  test(title('encryptions of a key version that is not there are not counted'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    await refused(t, store.reserveEncryptions('orders', 'a'.repeat(32), 1, 10), 'KeyNotFound');
  });

  test(title('a closed store refuses'), async (t) => {
    const { store, remove } = await open();
    t.teardown(remove);
    await store.close();
    await refused(t, store.addKeyVersion(keyVersion(), WIDE), 'ServiceUnavailable');
    await refused(t, store.findKeyVersion('orders', undefined), 'ServiceUnavailable');
  });
}

/** Buffers and byte arrays of the same bytes count as equal. */
function plain(sealed: SealedKeyVersion | undefined): unknown {
  return JSON.parse(
    JSON.stringify(sealed, (_name, value: unknown) => {
      if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
      return value === undefined ? null : value;
    }),
  );
}
