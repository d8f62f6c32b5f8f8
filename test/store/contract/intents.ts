import { refused } from '../../fixtures/refused.ts';
import type { StoreTest } from '../store_contract.ts';
import { intent, newKey, nextChange, plain, removal, WIDE } from '../store_records.ts';

const TOKEN = '0123456789abcdef';

export function testIntents(test: StoreTest): void {
  test('intents come back as they were stored, those of one token, in the order in which they were made', async (t, store, reopen) => {
    const first = intent({ created: 1, id: 'b'.repeat(32) });
    const second = intent({ created: 1, id: 'c'.repeat(32), kind: 'destroy' });
    const third = intent({ created: 2, id: 'a'.repeat(32) });
    const elsewhere = intent({ token: 'fedcba9876543210' });
    for (const each of [third, elsewhere, second, first]) await store.addIntent(each);
    for (const open of [async () => store, reopen]) {
      const opened = await open();
      t.deepEqual(plain(await opened.listIntents(TOKEN)), plain([first, second, third]));
      t.deepEqual(plain(await opened.listIntents('fedcba9876543210')), plain([elsewhere]));
      t.deepEqual(await opened.listIntents('ffffffffffffffff'), []);
    }
  });

  test('an intent is ended once, and neither adding it twice nor ending it twice is a mistake', async (t, store, reopen) => {
    const kept = intent({ created: 1 });
    const ended = intent({ created: 2 });
    for (const each of [kept, ended, kept]) await store.addIntent(each);
    await store.endIntent(ended.record.id);
    await store.endIntent(ended.record.id);
    await store.endIntent('f'.repeat(32));
    t.deepEqual(plain(await (await reopen()).listIntents(TOKEN)), plain([kept]));
  });

  test('a change of a key ends intents and brings others with it', async (t, store) => {
    const make = intent();
    await store.addIntent(make);
    const orders = newKey('orders');
    await store.changeKey({ ...orders, endedIntents: [make.record.id, 'f'.repeat(32)] }, WIDE);
    t.deepEqual(await store.listIntents(TOKEN), []);
    const destroy = [intent({ kind: 'destroy', created: 1 }), intent({ kind: 'destroy', created: 2 })];
    await store.changeKey({ ...removal(orders.key), newIntents: destroy }, WIDE);
    t.deepEqual(plain(await store.listIntents(TOKEN)), plain(destroy));
    t.is(await store.findKeyVersion('orders', undefined), undefined);
  });

  test('a change that is refused leaves intents as they were', async (t, store) => {
    const make = intent();
    await store.addIntent(make);
    const orders = newKey('orders');
    await store.changeKey(orders, WIDE);
    const intents = { endedIntents: [make.record.id], newIntents: [intent({ kind: 'destroy' })] };
    const stale = { ...nextChange(orders.key, { revision: 9 }), expectedRevision: 5 };
    await refused(t, store.changeKey({ ...stale, ...intents }, WIDE), 'Conflict', 'KeyChanged');
    await refused(t, store.changeKey({ ...newKey('orders'), ...intents }, WIDE), 'Conflict', 'KeyChanged');
    const beyond = store.changeKey({ ...newKey('other'), ...intents }, { keys: 1, versionsPerKey: 1 });
    await refused(t, beyond, 'BadParameter', 'KeyLimitReached');
    t.deepEqual(plain(await store.listIntents(TOKEN)), plain([make]));
  });
}
