import { refused } from '../../fixtures/refused.ts';
import type { StoreTest } from '../store_contract.ts';
import { plain, setting } from '../store_records.ts';

const NAME = 'AllowKeyManagementOperationsThroughARM';

export function testSettings(test: StoreTest): void {
  test('a setting comes back as it was put last, each under its name', async (t, store, reopen) => {
    t.is(await store.findSetting(NAME), undefined);
    await store.putSetting(setting(), undefined);
    const changed = setting({ value: 'false "\\ 🔑', revision: 2 });
    await store.putSetting(changed, 1);
    const other = setting({ name: 'Other', value: '' });
    await store.putSetting(other, undefined);
    for (const open of [async () => store, reopen]) {
      const opened = await open();
      t.deepEqual(plain(await opened.findSetting(NAME)), plain(changed));
      t.deepEqual(plain(await opened.findSetting('Other')), plain(other));
      t.is(await opened.findSetting('other'), undefined);
    }
  });

  test('a setting whose revision is not the expected one stays as it is', async (t, store) => {
    await refused(t, store.putSetting(setting({ revision: 2 }), 1), 'Conflict', 'SettingChanged');
    t.is(await store.findSetting(NAME), undefined);
    const kept = setting();
    await store.putSetting(kept, undefined);
    await refused(t, store.putSetting(setting(), undefined), 'Conflict', 'SettingChanged');
    await refused(t, store.putSetting(setting({ revision: 3 }), 2), 'Conflict', 'SettingChanged');
    t.deepEqual(plain(await store.findSetting(NAME)), plain(kept));
  });

  test('of settings that are put together over one revision, one is taken', async (t, store) => {
    await store.putSetting(setting(), undefined);
    const puts = Array.from({ length: 10 }, (_, index) => setting({ value: String(index), revision: 2 }));
    const results = await Promise.allSettled(puts.map((each) => store.putSetting(each, 1)));
    const taken = puts.filter((_, index) => results[index]?.status === 'fulfilled');
    t.is(taken.length, 1);
    t.deepEqual(plain(await store.findSetting(NAME)), plain(taken[0]));
  });
}
