import type { CountedKeyVersion, DocumentChange, KeyChange, Store, WholeKey } from '../../../src/store/store.ts';
import { refused } from '../../fixtures/refused.ts';
import type { StoreTest } from '../store_contract.ts';
import { document, documentChange, keyVersion, newKey, nextChange, removal, same, WIDE } from '../store_records.ts';

const JOB = 'a'.repeat(32);
const OTHER_JOB = 'b'.repeat(32);
const ALL = { after: undefined, limit: 1_000 };
const MOST = Number.MAX_SAFE_INTEGER;

function whole(name: string, encryptions: readonly number[] = [0]): WholeKey {
  const versions = encryptions
    .map((count): CountedKeyVersion => ({ version: keyVersion({ name }), encryptions: count }))
    .toSorted((one, other) => (one.version.record.version < other.version.record.version ? -1 : 1));
  const newest = versions[0]?.version.record.version ?? '';
  return { key: newKey(name, { newest, versions: versions.length }).key, versions };
}

const replacement = (keys: readonly WholeKey[], changes: Parameters<Store['replaceKeys']>[0]['documents'] = []) => ({
  job: JOB,
  keys: keys.length,
  versions: keys.flatMap(({ versions }) => versions).length,
  documents: changes,
});

/** How everything is read, and how something else takes its place. */
export function testReplacement(storeTest: StoreTest): void {
  storeTest('whole keys come by name, in pages, with all versions and what they have encrypted', async (t, store) => {
    const names = ['Zebra', 'a', 'a-1', 'b', 'z'];
    const keys = names.map((name, index) =>
      newKey(name, index === 2 ? { deletion: { deleted: 1, scheduledPurge: 2 } } : {}),
    );
    for (const each of keys.toReversed()) await store.changeKey(each, WIDE);
    const second = keyVersion({ name: 'b' });
    const first = keys[3] as (typeof keys)[number];
    const next = nextChange(first.key, {}, second);
    await store.changeKey(next, WIDE);
    await store.reserveEncryptions('b', second.record.version, 7, MOST);
    const found: WholeKey[] = [];
    for (let after: string | undefined; ; ) {
      const page = await store.listWholeKeys({ after, limit: 2 });
      found.push(...page);
      if (page.length < 2) break;
      after = page.at(-1)?.key.record.name;
    }
    t.deepEqual(
      found.map(({ key }) => key.record.name),
      names,
    );
    const wanted = [
      { version: first.version, encryptions: 0 },
      { version: second, encryptions: 7 },
    ].toSorted((one, other) => (one.version.record.version < other.version.record.version ? -1 : 1));
    t.true(same(found[3], { key: next.key, versions: wanted }));
  });

  storeTest(
    'staged keys are not found before they replace all others, and whole afterwards',
    async (t, store, reopen) => {
      const before = newKey('before');
      await store.changeKey(before, WIDE);
      await store.changeKey(newKey('kept'), WIDE);
      const keys = [whole('kept', [0, 5]), whole('new'), whole('newer', [9])];
      await store.stageKeys(JOB, keys.slice(0, 2));
      await store.stageKeys(JOB, keys.slice(1));
      await store.stageKeys(OTHER_JOB, [whole('other')]);
      t.is((await store.listWholeKeys(ALL)).length, 2);
      t.is(await store.findKeyVersion('new', undefined), undefined);
      await store.replaceKeys(replacement(keys));
      t.true(same(await store.listWholeKeys(ALL), keys));
      t.is(await store.findKeyVersion('before', undefined), undefined);
      t.true(same(await (await reopen()).listWholeKeys(ALL), keys));
    },
  );

  storeTest('the count of all keys is that of the new ones', async (t, store) => {
    for (const name of ['one', 'two', 'three']) await store.changeKey(newKey(name), WIDE);
    const keys = [whole('only')];
    await store.stageKeys(JOB, keys);
    await store.replaceKeys(replacement(keys));
    const narrow = { keys: 2, versionsPerKey: 10 };
    const second = newKey('second');
    await store.changeKey(second, narrow);
    await refused(t, store.changeKey(newKey('third'), narrow), 'BadParameter', 'KeyLimitReached');
    await store.changeKey(removal(second.key), narrow);
    await store.changeKey(newKey('third'), narrow);
  });

  storeTest('a count of encryptions is the higher one of what was there and what comes', async (t, store) => {
    const keys = [whole('less', [5]), whole('more', [50]), whole('new', [3])];
    for (const each of keys.slice(0, 2)) {
      const { version } = each.versions[0] as CountedKeyVersion;
      await store.changeKey(
        { name: each.key.record.name, expectedRevision: undefined, key: each.key, versions: [version] },
        WIDE,
      );
      await store.reserveEncryptions(version.record.name, version.record.version, 20, MOST);
    }
    await store.stageKeys(JOB, keys);
    await store.replaceKeys(replacement(keys));
    const counts = (await store.listWholeKeys(ALL)).flatMap(({ versions }) =>
      versions.map(({ encryptions }) => encryptions),
    );
    t.deepEqual(counts, [20, 50, 3]);
  });

  storeTest('documents change together with the keys, or nothing does', async (t, store) => {
    const setting = document();
    await store.changeDocument(documentChange(setting));
    await store.changeKey(newKey('before'), WIDE);
    const keys = [whole('new')];
    await store.stageKeys(JOB, keys);
    const next = document({ revision: 2, content: '{"open":false}' });
    const stale = { ...documentChange(document({ id: 'other', revision: 9 })), expectedRevision: 8 };
    await refused(
      t,
      store.replaceKeys(replacement(keys, [documentChange(next), stale])),
      'Conflict',
      'DocumentChanged',
    );
    t.true(same(await store.findDocument('setting', 'orders'), setting));
    t.deepEqual(
      (await store.listWholeKeys(ALL)).map(({ key }) => key.record.name),
      ['before'],
    );
    await store.replaceKeys(replacement(keys, [documentChange(next)]));
    t.true(same(await store.findDocument('setting', 'orders'), next));
    t.deepEqual(
      (await store.listWholeKeys(ALL)).map(({ key }) => key.record.name),
      ['new'],
    );
  });

  storeTest('nothing is replaced when other keys are staged than there must be', async (t, store) => {
    await store.changeKey(newKey('before'), WIDE);
    const keys = [whole('one'), whole('two', [0, 0])];
    await store.stageKeys(JOB, keys);
    for (const wrong of [{ keys: 1 }, { keys: 3 }, { versions: 2 }, { versions: 4 }, { job: OTHER_JOB }]) {
      await refused(t, store.replaceKeys({ ...replacement(keys), ...wrong }), 'Conflict', 'StagedKeysMissing');
    }
    await store.clearStagedKeys();
    await refused(t, store.replaceKeys(replacement(keys)), 'Conflict', 'StagedKeysMissing');
    t.deepEqual(
      (await store.listWholeKeys(ALL)).map(({ key }) => key.record.name),
      ['before'],
    );
    await store.replaceKeys(replacement([]));
    t.deepEqual(await store.listWholeKeys(ALL), []);
  });

  storeTest('with a replacement another epoch begins, and what was let in before it is refused', async (t, store) => {
    const before = await store.countReplacements();
    const kept = newKey('kept');
    const keys: WholeKey[] = [{ key: kept.key, versions: [{ version: kept.version, encryptions: 0 }] }];
    const setting = document();
    const changesOf = (epoch: number | undefined): [KeyChange[], DocumentChange[]] => [
      [
        { ...newKey('other'), epoch },
        { ...nextChange(kept.key, { rotationDue: 9 }), epoch },
        { ...removal(kept.key), epoch },
      ],
      [
        { ...documentChange(document({ id: 'other' })), epoch },
        { ...documentChange(document({ revision: 2 })), epoch },
        { ...documentChange(setting), expectedRevision: 1, document: undefined, epoch },
      ],
    ];
    await store.changeDocument({ ...documentChange(setting), epoch: before });
    await store.changeKey({ ...kept, epoch: before }, WIDE);
    await store.stageKeys(JOB, keys);
    await refused(t, store.replaceKeys({ ...replacement(keys), keys: 2 }), 'Conflict', 'StagedKeysMissing');
    t.is(await store.countReplacements(), before, 'nothing was replaced');
    t.is(await store.replaceKeys(replacement(keys)), before + 1);
    t.is(await store.countReplacements(), before + 1);
    const [oldKeys, oldDocuments] = changesOf(before);
    for (const each of oldKeys) await refused(t, store.changeKey(each, WIDE), 'Conflict', 'RestoreInProgress');
    for (const each of oldDocuments) await refused(t, store.changeDocument(each), 'Conflict', 'RestoreInProgress');
    t.true(same(await store.listWholeKeys(ALL), keys));
    t.true(same(await store.listDocuments('setting'), [setting]));
    for (const epoch of [before + 1, undefined]) {
      const [[added], [, replaced]] = changesOf(epoch);
      if (epoch === undefined) await store.changeDocument(replaced as DocumentChange);
      else await store.changeKey(added as KeyChange, WIDE);
    }
    t.is((await store.listWholeKeys(ALL)).length, 2);
  });

  storeTest('a key that its token keeps is in the way of a replacement', async (t, store) => {
    const version = keyVersion({ name: 'resident', custody: 'resident', wrappedKey: undefined });
    await store.changeKey(newKey('resident', {}, version), WIDE);
    await refused(t, store.replaceKeys(replacement([])), 'NotSupported', 'ResidentKeys');
    t.is((await store.listWholeKeys(ALL)).length, 1);
  });

  storeTest('who listens is told that everything may have changed, by his own server as well', async (t, store) => {
    const heard: unknown[] = [];
    store.onKeysChanged((names) => heard.push(['keys', names]));
    store.onDocumentsChanged((collections) => heard.push(['documents', collections]));
    await store.replaceKeys(replacement([]));
    t.deepEqual(heard.slice(0, 2), [
      ['keys', undefined],
      ['documents', undefined],
    ]);
  });
}
