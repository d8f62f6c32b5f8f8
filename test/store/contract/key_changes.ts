import type { SealedKey, Store } from '../../../src/store/store.ts';
import { refused } from '../../fixtures/refused.ts';
import type { StoreTest } from '../store_contract.ts';
import { keyVersion, newKey, nextChange, plain, removal, WIDE } from '../store_records.ts';

const ALL = { after: undefined, limit: 100 };
const DELETION = { deletion: { deleted: 1_790_000_000, scheduledPurge: 1_797_776_000 } };

/** The key as it is stored, with all of its versions. */
async function state(store: Store, name: string): Promise<unknown> {
  const versions = await store.listKeyVersions(name, ALL);
  return plain({ key: (await store.findKeyVersion(name, undefined))?.key, versions });
}

const byId = <Version extends { record: { version: string } }>(versions: Version[]): Version[] =>
  versions.toSorted((one, other) => (one.record.version < other.record.version ? -1 : 1));

export function testKeyChanges(test: StoreTest): void {
  test('a change adds versions and replaces those that are there, with the key', async (t, store) => {
    const first = newKey('orders');
    await store.changeKey(first, WIDE);
    const edited = keyVersion({
      ...first.version.record,
      enabled: false,
      expires: 9,
      releasePolicy: { contentType: 'text/plain', data: Uint8Array.of(1), immutable: false },
      tags: { a: 'b' },
      revision: 2,
    });
    const added = keyVersion();
    const next = { ...nextChange(first.key, {}, added), versions: [edited, added] };
    await store.changeKey(next, WIDE);
    t.deepEqual(await state(store, 'orders'), plain({ key: next.key, versions: byId([edited, added]) }));
  });

  test('a change that has seen another revision is refused and leaves everything as it was', async (t, store) => {
    const first = newKey('orders');
    await store.changeKey(first, WIDE);
    const second = nextChange(first.key, {}, keyVersion());
    await store.changeKey(second, WIDE);
    const before = await state(store, 'orders');
    const stale = nextChange(first.key, { newest: 'b'.repeat(32), revision: 9 }, keyVersion());
    const early = { ...nextChange(second.key, { revision: 9 }, keyVersion()), expectedRevision: 3 };
    const again = newKey('orders');
    for (const late of [stale, early, again, removal(first.key)]) {
      await refused(t, store.changeKey(late, WIDE), 'Conflict', 'KeyChanged');
      t.deepEqual(await state(store, 'orders'), before);
    }
  });

  test('a key that was expected and is not there is a conflict', async (t, store) => {
    const { key, version } = newKey('orders');
    await refused(t, store.changeKey(nextChange(key, {}, version), WIDE), 'Conflict', 'KeyChanged');
    await refused(t, store.changeKey(removal(key), WIDE), 'Conflict', 'KeyChanged');
    t.is(await store.findKeyVersion('orders', undefined), undefined);
    t.deepEqual(await store.listKeyVersions('orders', ALL), []);
  });

  test('of changes that come together and have seen the same revision, one is done and the others are refused', async (t, store) => {
    const first = newKey('orders');
    await store.changeKey(first, WIDE);
    const changes = Array.from({ length: 20 }, () => nextChange(first.key, {}, keyVersion()));
    const results = await Promise.allSettled(changes.map((change) => store.changeKey(change, WIDE)));
    const done = changes.filter((_, index) => results[index]?.status === 'fulfilled');
    t.is(done.length, 1);
    for (const result of results) {
      if (result.status === 'rejected') t.like(result.reason, { code: 'Conflict', innerCode: 'KeyChanged' });
    }
    const versions = byId([first.version, ...done.flatMap((change) => change.versions)]);
    t.deepEqual(await state(store, 'orders'), plain({ key: done[0]?.key, versions }));
  });

  test('of keys of one name that come together, one is made and nothing of the others is left', async (t, store) => {
    const changes = Array.from({ length: 20 }, () => newKey('orders'));
    const results = await Promise.allSettled(changes.map((change) => store.changeKey(change, WIDE)));
    const made = changes.filter((_, index) => results[index]?.status === 'fulfilled');
    t.is(made.length, 1);
    t.deepEqual(await state(store, 'orders'), plain({ key: made[0]?.key, versions: made[0]?.versions }));
  });

  test('a change that is refused does not touch those beside it', async (t, store) => {
    const orders = newKey('orders');
    await store.changeKey(orders, WIDE);
    const results = await Promise.allSettled([
      store.changeKey(newKey('before'), WIDE),
      store.changeKey(newKey('orders'), WIDE),
      store.changeKey(newKey('beyond'), { keys: 0, versionsPerKey: 1 }),
      store.reserveEncryptions('orders', 'e'.repeat(32), 1, 10),
      store.changeKey(newKey('after'), WIDE),
    ]);
    t.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'],
    );
    const names = (await store.listKeys('active', ALL)).map(({ key }) => key.record.name);
    t.deepEqual(names, ['after', 'before', 'orders']);
  });

  test('a deleted key is found as deleted with its versions, and recovered as it was', async (t, store, reopen) => {
    const orders = newKey('orders');
    await store.changeKey(orders, WIDE);
    const deleted = nextChange(orders.key, DELETION);
    await store.changeKey(deleted, WIDE);
    const again = await reopen();
    t.deepEqual(await state(again, 'orders'), plain({ key: deleted.key, versions: orders.versions }));
    t.deepEqual(await again.listKeys('active', ALL), []);
    t.deepEqual(plain(await again.listKeys('deleted', ALL)), plain([{ key: deleted.key, version: orders.version }]));
    const recovered = nextChange(deleted.key, { deletion: undefined });
    await again.changeKey(recovered, WIDE);
    t.deepEqual(await again.listKeys('deleted', ALL), []);
    t.deepEqual(plain(await again.listKeys('active', ALL)), plain([{ key: recovered.key, version: orders.version }]));
  });

  test('the name of a deleted key is taken', async (t, store) => {
    await store.changeKey(newKey('orders', DELETION), WIDE);
    await refused(t, store.changeKey(newKey('orders'), WIDE), 'Conflict', 'KeyChanged');
  });

  test('a key that is removed is gone with every version, and another of its name begins with nothing', async (t, store, reopen) => {
    const { last, neighbour } = await removable(store);
    const { version } = newKey('orders', {}, keyVersion({ version: last.record.newest }));
    await store.changeKey(removal(last), WIDE);
    t.is(await store.findKeyVersion('orders', undefined), undefined);
    t.deepEqual(await store.listKeyVersions('orders', ALL), []);
    t.deepEqual(plain(await store.listKeys('active', ALL)), plain([neighbour]));
    const again = newKey('orders', {}, version);
    await store.changeKey(again, WIDE);
    t.is(await store.reserveEncryptions('orders', version.record.version, 1, 10), 0);
    const reopened = await reopen();
    t.deepEqual(await state(reopened, 'orders'), plain({ key: again.key, versions: [version] }));
  });
}

/** `orders` with five versions, all of which have encrypted, and `others` beside it. */
async function removable(store: Store): Promise<{ last: SealedKey; neighbour: unknown }> {
  const others = newKey('others');
  await store.changeKey(others, WIDE);
  const first = newKey('orders');
  await store.changeKey(first, WIDE);
  let last = first.key;
  for (let i = 0; i < 4; i++) {
    const next = nextChange(last, {}, keyVersion());
    await store.changeKey(next, WIDE);
    last = next.key;
  }
  for (const { record } of await store.listKeyVersions('orders', ALL)) {
    await store.reserveEncryptions('orders', record.version, 10, 10);
  }
  return { last, neighbour: { key: others.key, version: others.version } };
}
