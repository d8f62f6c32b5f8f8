import type { SealedDocument } from '../../../src/store/store.ts';
import { refused } from '../../fixtures/refused.ts';
import type { StoreTest } from '../store_contract.ts';
import { document, documentChange, plain } from '../store_records.ts';

export function testDocuments(test: StoreTest): void {
  test('a document comes back as it was put last, each under its collection and id', async (t, store, reopen) => {
    t.is(await store.findDocument('setting', 'orders'), undefined);
    await store.changeDocument(documentChange(document()));
    const changed = document({ content: '{"text":"\\"\\\\ 🔑"}', revision: 2 });
    await store.changeDocument(documentChange(changed));
    const [namesake, other] = [document({ collection: 'user' }), document({ id: 'Orders', content: '1' })];
    for (const each of [namesake, other]) await store.changeDocument(documentChange(each));
    for (const open of [async () => store, reopen]) {
      const opened = await open();
      t.deepEqual(plain(await opened.findDocument('setting', 'orders')), plain(changed));
      t.deepEqual(plain(await opened.findDocument('user', 'orders')), plain(namesake));
      t.deepEqual(plain(await opened.listDocuments('setting')), plain([other, changed]));
      t.is(await opened.findDocument('user', 'Orders'), undefined);
      t.deepEqual(await opened.listDocuments('USER'), []);
    }
  });

  test('documents of a collection are listed by the bytes of their ids', async (t, store) => {
    const ids = ['b', 'a', 'B', 'é', 'a/b', 'Z', '/', 'aa'];
    for (const id of ids) await store.changeDocument(documentChange(document({ id })));
    const listed = await store.listDocuments('setting');
    t.deepEqual(
      listed.map(({ record }) => record.id),
      ids.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
    );
  });

  test('a document that was removed is gone, and its id is free', async (t, store) => {
    const removal = { collection: 'setting', id: 'orders', expectedRevision: 1, document: undefined };
    await store.changeDocument(documentChange(document()));
    await store.changeDocument(removal);
    t.is(await store.findDocument('setting', 'orders'), undefined);
    t.deepEqual(await store.listDocuments('setting'), []);
    await refused(t, store.changeDocument(removal), 'Conflict', 'DocumentChanged');
    const again = document({ content: '2' });
    await store.changeDocument(documentChange(again));
    t.deepEqual(plain(await store.findDocument('setting', 'orders')), plain(again));
  });

  test('all documents get other seals together with a change, and are what they were', async (t, store) => {
    const [one, two] = [document(), document({ collection: 'user', id: 'ada', revision: 3 })];
    await store.changeDocument(documentChange(one));
    for (const revision of [1, 2, 3])
      await store.changeDocument(documentChange({ ...two, record: { ...two.record, revision } }));
    const otherwise = (seal: number) => (each: SealedDocument) => ({ ...each, seal: new Uint8Array(32).fill(seal) });
    const added = document({ collection: 'security_domain', id: 'activation' });
    const stored = await store.listAllDocuments();
    t.is(stored.length, 2);
    const change = documentChange(added);
    const gone = document({ id: 'gone' });
    const [first, ...rest] = stored as [SealedDocument, ...SealedDocument[]];
    const stale = { ...first, record: { ...first.record, revision: 7 } };
    for (const documents of [rest, [...stored, gone], [stale, ...rest]]) {
      await refused(
        t,
        store.resealDocuments({ documents: documents.map(otherwise(7)), change }),
        'Conflict',
        'DocumentChanged',
      );
    }
    const taken = documentChange(document({ content: '9' }));
    await refused(
      t,
      store.resealDocuments({ documents: stored.map(otherwise(7)), change: taken }),
      'Conflict',
      'DocumentChanged',
    );
    t.deepEqual(plain(await store.listAllDocuments()), plain(stored), 'nothing has changed until then');
    await store.resealDocuments({ documents: stored.map(otherwise(8)), change });
    for (const each of stored) {
      const { collection, id } = each.record;
      t.deepEqual(plain(await store.findDocument(collection, id)), plain(otherwise(8)(each)));
    }
    t.deepEqual(plain(await store.findDocument('security_domain', 'activation')), plain(added));
  });

  test('a document whose revision is not the expected one stays as it is', async (t, store) => {
    await refused(t, store.changeDocument(documentChange(document({ revision: 2 }))), 'Conflict', 'DocumentChanged');
    t.is(await store.findDocument('setting', 'orders'), undefined);
    const kept = document();
    await store.changeDocument(documentChange(kept));
    const wrong = [
      documentChange(document()),
      documentChange(document({ revision: 3 })),
      { collection: 'setting', id: 'orders', expectedRevision: 2, document: undefined },
    ];
    for (const change of wrong) await refused(t, store.changeDocument(change), 'Conflict', 'DocumentChanged');
    t.deepEqual(plain(await store.findDocument('setting', 'orders')), plain(kept));
  });

  test('of changes of a document that are made together over one revision, one is taken', async (t, store) => {
    await store.changeDocument(documentChange(document()));
    const all = Array.from({ length: 10 }, (_, index) => document({ content: String(index), revision: 2 }));
    const results = await Promise.allSettled(all.map((each) => store.changeDocument(documentChange(each))));
    const taken = all.filter((_, index) => results[index]?.status === 'fulfilled');
    t.is(taken.length, 1);
    t.deepEqual(plain(await store.findDocument('setting', 'orders')), plain(taken[0]));
  });

  test('a change whose document is another one is a mistake of the program, and changes nothing', async (t, store) => {
    const change = documentChange(document());
    const mistakes = [
      { ...change, id: 'other' },
      { ...change, collection: 'user' },
      { ...change, expectedRevision: 1 },
      { ...change, document: undefined },
    ];
    for (const mistake of mistakes) await t.throwsAsync(store.changeDocument(mistake), { instanceOf: TypeError });
    t.deepEqual(await store.listDocuments('setting'), []);
  });
}
