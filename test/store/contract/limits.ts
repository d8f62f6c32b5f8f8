import type { KeyChange, KeyLimits } from '../../../src/store/store.ts';
import { refused } from '../../fixtures/refused.ts';
import type { StoreTest } from '../store_contract.ts';
import { keyVersion, newKey, nextChange, plain, removal, WIDE } from '../store_records.ts';

const ALL = { after: undefined, limit: 100 };
const NARROW: KeyLimits = { keys: 3, versionsPerKey: 2 };

export function testLimits(test: StoreTest): void {
  test('the limit on keys holds among keys that come together', async (t, store) => {
    const changes = Array.from({ length: 12 }, (_, index) => newKey(`key-${index}`));
    const results = await Promise.allSettled(changes.map((change) => store.changeKey(change, NARROW)));
    const reasons = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    t.is(reasons.length, 9);
    for (const reason of reasons) t.like(reason, { code: 'BadParameter', innerCode: 'KeyLimitReached' });
    t.is((await store.listKeys('active', ALL)).length, 3);
    for (const { name, version } of changes) {
      const listed = await store.listKeyVersions(name, ALL);
      const found = await store.findKeyVersion(name, undefined);
      t.deepEqual(plain(listed), found === undefined ? [] : plain([version]));
    }
  });

  test('a deleted key still takes its place, one that is removed gives it back, also after the store was opened again', async (t, store, reopen) => {
    const keys = [newKey('a'), newKey('b'), newKey('c')] as const;
    for (const change of keys) await store.changeKey(change, NARROW);
    const deleted = nextChange(keys[0].key, { deletion: { deleted: 1, scheduledPurge: 2 } });
    await store.changeKey(deleted, NARROW);
    await refused(t, store.changeKey(newKey('d'), NARROW), 'BadParameter', 'KeyLimitReached');
    await store.changeKey(removal(deleted.key), NARROW);
    const again = await reopen();
    await again.changeKey(newKey('d'), NARROW);
    await refused(t, again.changeKey(newKey('e'), NARROW), 'BadParameter', 'KeyLimitReached');
  });

  test('a key that is refused, whatever for, takes no place', async (t, store) => {
    await store.changeKey(newKey('a'), NARROW);
    const refusals: KeyChange[] = [
      newKey('a'),
      { ...newKey('b', { versions: 3 }), versions: [1, 2, 3].map(() => keyVersion({ name: 'b' })) },
    ];
    for (const change of refusals) await t.throwsAsync(store.changeKey(change, NARROW));
    for (const name of ['b', 'c']) await store.changeKey(newKey(name), NARROW);
    await refused(t, store.changeKey(newKey('d'), NARROW), 'BadParameter', 'KeyLimitReached');
  });

  test('the limit on versions holds for a key that is new and for one that is there', async (t, store) => {
    const many = { ...newKey('many', { versions: 3 }), versions: [1, 2, 3].map(() => keyVersion({ name: 'many' })) };
    await refused(t, store.changeKey(many, NARROW), 'BadParameter', 'KeyVersionLimitReached');
    t.is(await store.findKeyVersion('many', undefined), undefined);
    const first = newKey('orders');
    await store.changeKey(first, NARROW);
    const second = nextChange(first.key, {}, keyVersion());
    await store.changeKey(second, NARROW);
    const third = nextChange(second.key, {}, keyVersion());
    await refused(t, store.changeKey(third, NARROW), 'BadParameter', 'KeyVersionLimitReached');
    t.is((await store.listKeyVersions('orders', ALL)).length, 2);
    t.deepEqual(plain((await store.findKeyVersion('orders', undefined))?.key), plain(second.key));
  });

  test('limits that were lowered keep out what is new, and let what is there be changed and removed', async (t, store) => {
    const first = newKey('orders');
    await store.changeKey(first, WIDE);
    const second = nextChange(first.key, {}, keyVersion());
    await store.changeKey(second, WIDE);
    const none = { keys: 0, versionsPerKey: 1 };
    await refused(t, store.changeKey(newKey('other'), none), 'BadParameter', 'KeyLimitReached');
    const third = nextChange(second.key, {}, keyVersion());
    await refused(t, store.changeKey(third, none), 'BadParameter', 'KeyVersionLimitReached');
    const edited = { ...nextChange(second.key, {}), versions: [keyVersion({ ...first.version.record, revision: 2 })] };
    await store.changeKey(edited, none);
    await store.changeKey(removal(edited.key), none);
    t.is(await store.findKeyVersion('orders', undefined), undefined);
  });
}
