import type { KeyRecord, Store } from '../../../src/store/store.ts';
import type { StoreTest } from '../store_contract.ts';
import { keyVersion, type NewKey, newKey, nextChange, plain, removal, WIDE } from '../store_records.ts';

/** In the order of their bytes, which is neither that of the alphabet nor that in which they come. */
const NAMES = ['-', '0', '00', '1-', '10', 'A', 'Z', 'a', 'a-b', 'aB', 'ab', 'b', 'z'.repeat(127)];

const deleted = (scheduledPurge: number): Partial<KeyRecord> => ({ deletion: { deleted: 1, scheduledPurge } });

async function fill(store: Store, keys: readonly NewKey[]): Promise<void> {
  for (const change of keys.toReversed()) await store.changeKey(change, WIDE);
}

/** Every page until one is empty, of any list. */
async function pages<Item>(
  ask: (after: string | undefined) => Promise<readonly Item[]>,
  nameOf: (item: Item) => string,
): Promise<Item[][]> {
  const asked: Item[][] = [];
  let after: string | undefined;
  for (;;) {
    const items = await ask(after);
    if (items.length === 0) return asked;
    asked.push([...items]);
    after = nameOf(items.at(-1) as Item);
  }
}

export function testLists(test: StoreTest): void {
  test('keys are listed by the bytes of their names, page by page, active ones and deleted ones apart', async (t, store) => {
    const keys = NAMES.map((name, index) => newKey(name, index % 3 === 0 ? deleted(9) : {}));
    await fill(store, keys);
    for (const kind of ['active', 'deleted'] as const) {
      const expected = keys.filter(({ key }) => (key.record.deletion === undefined) === (kind === 'active'));
      for (const limit of [1, 2, 3, 100]) {
        const asked = await pages(
          (after) => store.listKeys(kind, { after, limit }),
          ({ key }) => key.record.name,
        );
        t.true(asked.slice(0, -1).every((page) => page.length === limit));
        t.deepEqual(plain(asked.flat()), plain(expected.map(({ key, version }) => ({ key, version }))));
      }
    }
  });

  test('a page goes on after a name that is not there any more, and ends after the last', async (t, store) => {
    const keys = ['a', 'b', 'c'].map((name) => newKey(name));
    await fill(store, keys);
    await store.changeKey(removal(keys[1]!.key), WIDE);
    const after = async (name: string) =>
      (await store.listKeys('active', { after: name, limit: 10 })).map(({ key }) => key.record.name);
    t.deepEqual(await after('b'), ['c']);
    t.deepEqual(await after('bb'), ['c']);
    t.deepEqual(await after('c'), []);
    t.deepEqual(await after('zz'), []);
    t.deepEqual(await store.listKeys('deleted', { after: undefined, limit: 10 }), []);
  });

  test('a list has each key with its newest version', async (t, store) => {
    const first = newKey('orders');
    await fill(store, [first, newKey('others')]);
    const next = nextChange(first.key, {}, keyVersion({ created: 1 }));
    await store.changeKey(next, WIDE);
    const listed = await store.listKeys('active', { after: undefined, limit: 1 });
    t.deepEqual(plain(listed), plain([{ key: next.key, version: next.versions[0] }]));
  });

  test('versions of one key are listed by their id, page by page, with none of another key', async (t, store) => {
    const ids = ['0', '1', '9', 'a', 'f'].map((digit) => digit.repeat(32));
    const versions = ids.map((version) => keyVersion({ version }));
    const first = newKey('orders', {}, versions[3]);
    await fill(store, [newKey('order'), first, newKey('orders2')]);
    let last = first.key;
    for (const index of [1, 4, 0, 2]) {
      const next = nextChange(last, {}, versions[index]);
      await store.changeKey(next, WIDE);
      last = next.key;
    }
    for (const limit of [1, 2, 100]) {
      const asked = await pages(
        (after) => store.listKeyVersions('orders', { after, limit }),
        ({ record }) => record.version,
      );
      t.deepEqual(plain(asked.flat()), plain(versions));
    }
    t.deepEqual(await store.listKeyVersions('nobody', { after: undefined, limit: 10 }), []);
  });

  test('keys are due when they are to be rotated, and while they are deleted when they are to be purged', async (t, store) => {
    await fill(store, [
      newKey('never'),
      newKey('late', { rotationDue: 30 }),
      newKey('b-soon', { rotationDue: 10 }),
      newKey('a-soon', { rotationDue: 10 }),
      newKey('purge', deleted(20)),
      newKey('deleted-before-rotation', { ...deleted(40), rotationDue: 5 }),
      newKey('zero', { rotationDue: 0 }),
    ]);
    t.deepEqual(await store.listDueKeys(-1, 10), []);
    t.deepEqual(await store.listDueKeys(9, 10), ['zero']);
    t.deepEqual(await store.listDueKeys(10, 10), ['zero', 'a-soon', 'b-soon']);
    t.deepEqual(await store.listDueKeys(100, 10), [
      'zero',
      'a-soon',
      'b-soon',
      'purge',
      'late',
      'deleted-before-rotation',
    ]);
    t.deepEqual(await store.listDueKeys(100, 4), ['zero', 'a-soon', 'b-soon', 'purge']);
  });

  test('a key that was rotated, recovered or removed is not due any more', async (t, store) => {
    const rotated = newKey('rotated', { rotationDue: 1 });
    const recovered = newKey('recovered', deleted(1));
    const removed = newKey('removed', deleted(1));
    await fill(store, [rotated, recovered, removed]);
    t.is((await store.listDueKeys(1, 10)).length, 3);
    await store.changeKey(nextChange(rotated.key, { rotationDue: 100 }, keyVersion({ name: 'rotated' })), WIDE);
    await store.changeKey(nextChange(recovered.key, { deletion: undefined }), WIDE);
    await store.changeKey(removal(removed.key), WIDE);
    t.deepEqual(await store.listDueKeys(99, 10), []);
    t.deepEqual(await store.listDueKeys(100, 10), ['rotated']);
  });
}
