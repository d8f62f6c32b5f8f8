import { refused } from '../../fixtures/refused.ts';
import type { StoreTest } from '../store_contract.ts';
import { keyVersion, newKey, nextChange, WIDE } from '../store_records.ts';

export function testEncryptionCounts(test: StoreTest): void {
  test('encryptions are counted up to the maximum and not past it', async (t, store) => {
    const { version, ...change } = newKey('orders');
    await store.changeKey(change, WIDE);
    const reserve = (count: number) => store.reserveEncryptions('orders', version.record.version, count, 2 ** 32);
    t.is(await reserve(65_536), 0);
    t.is(await reserve(2 ** 32 - 65_537), 65_536);
    await refused(t, reserve(2), 'Forbidden', 'EncryptionLimitReached');
    t.is(await reserve(1), 2 ** 32 - 1);
    await refused(t, reserve(1), 'Forbidden', 'EncryptionLimitReached');
  });

  test('reservations that come together get parts that do not overlap', async (t, store) => {
    const { version, ...change } = newKey('orders');
    await store.changeKey(change, WIDE);
    const reserve = () => store.reserveEncryptions('orders', version.record.version, 10, 450);
    const results = await Promise.allSettled(Array.from({ length: 50 }, reserve));
    const before = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
    t.deepEqual(
      before.toSorted((one, other) => one - other),
      Array.from({ length: 45 }, (_, index) => index * 10),
    );
  });

  test('the count is durable, each version has its own, and changes of the key leave it', async (t, store, reopen) => {
    const { version, ...change } = newKey('orders');
    await store.changeKey(change, WIDE);
    await store.reserveEncryptions('orders', version.record.version, 5, 100);
    const second = keyVersion();
    const edited = keyVersion({ ...version.record, enabled: false, revision: 2 });
    await store.changeKey({ ...nextChange(change.key, {}, second), versions: [edited, second] }, WIDE);
    const again = await reopen();
    t.is(await again.reserveEncryptions('orders', version.record.version, 1, 100), 5);
    t.is(await again.reserveEncryptions('orders', second.record.version, 1, 100), 0);
  });

  test('a key that comes back has what it has encrypted from the moment that it is there', async (t, store, reopen) => {
    const { version, ...change } = newKey('orders');
    const id = version.record.version;
    const back = { ...change, encryptions: [{ version: id, encryptions: 70 }] };
    await store.changeKey(back, WIDE);
    const other = newKey('other');
    const nothing = [{ version: other.version.record.version, encryptions: 0 }];
    await store.changeKey({ ...other, encryptions: nothing }, WIDE);
    await refused(t, store.changeKey(back, WIDE), 'Conflict', 'KeyChanged');
    const again = await reopen();
    t.is(await again.reserveEncryptions('orders', id, 1, 100), 70);
    t.is(await again.reserveEncryptions('other', other.version.record.version, 1, 100), 0);
  });

  test('a count of encryptions that does not go in takes its key along', async (t, store) => {
    const { version, ...change } = newKey('orders');
    const impossible = [{ version: version.record.version, encryptions: 2 ** 64 }];
    await t.throwsAsync(store.changeKey({ ...change, encryptions: impossible }, WIDE));
    t.is(await store.findKeyVersion('orders', undefined), undefined);
    await t.throwsAsync(
      store.changeKey({ ...change, encryptions: [{ version: 'e'.repeat(32), encryptions: 1 }] }, WIDE),
      { instanceOf: TypeError },
    );
    const next = nextChange(change.key, {}, keyVersion());
    await t.throwsAsync(store.changeKey({ ...next, encryptions: impossible }, WIDE), { instanceOf: TypeError });
  });

  test('encryptions of a key version that is not there are not counted', async (t, store) => {
    const { version, ...change } = newKey('orders');
    await store.changeKey(change, WIDE);
    await refused(t, store.reserveEncryptions('orders', 'e'.repeat(32), 1, 10), 'KeyNotFound');
    await refused(t, store.reserveEncryptions('other', version.record.version, 1, 10), 'KeyNotFound');
  });
}
