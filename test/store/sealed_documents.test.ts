import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { SealedDocuments } from '../../src/store/sealed_documents.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import type { Store } from '../../src/store/store.ts';
import { refused } from '../fixtures/refused.ts';
import { storeWith } from '../fixtures/store_with.ts';
import { TEST_SEALER } from '../fixtures/test_documents.ts';

interface Opened {
  readonly store: SqliteStore;
  readonly documents: SealedDocuments;
  readonly database: DatabaseSync;
}

async function open(t: ExecutionContext): Promise<Opened> {
  const directory = await mkdtemp(join(tmpdir(), 'strongroom-documents-'));
  const path = join(directory, 'store.db');
  const store = await SqliteStore.open(path);
  const database = new DatabaseSync(path);
  t.teardown(async () => {
    database.close();
    await store.close();
    await rm(directory, { recursive: true });
  });
  return { store, documents: new SealedDocuments(TEST_SEALER, store), database };
}

test('a document is added, read, replaced and removed by the revision that was seen', async (t) => {
  const { documents } = await open(t);
  const added = await documents.add('user', 'a', { name: 'Ada', groups: ['b', null], born: 1815 });
  t.deepEqual(added, { id: 'a', content: { name: 'Ada', groups: ['b', null], born: 1815 }, revision: 1 });
  t.deepEqual(await documents.find('user', 'a'), added);
  const replaced = await documents.replace('user', { ...added, content: { ...added.content, born: 1816 } });
  t.is(replaced.revision, 2);
  t.deepEqual(await documents.list('user'), [replaced]);
  await documents.remove('user', 'a', 2);
  t.is(await documents.find('user', 'a'), undefined);
  t.deepEqual(await documents.list('user'), []);
});

test('a document that somebody else has changed, added or removed is not changed', async (t) => {
  const { documents } = await open(t);
  const added = await documents.add('user', 'a', 1);
  await refused(t, documents.add('user', 'a', 2), 'Conflict', 'DocumentChanged');
  const replaced = await documents.replace('user', { ...added, content: 2 });
  await refused(t, documents.replace('user', { ...added, content: 3 }), 'Conflict', 'DocumentChanged');
  await refused(t, documents.remove('user', 'a', 1), 'Conflict', 'DocumentChanged');
  t.deepEqual(await documents.find('user', 'a'), replaced);
  await documents.remove('user', 'a', 2);
  await refused(t, documents.replace('user', replaced), 'Conflict', 'DocumentChanged');
});

const EDITS = [
  ['the content', `UPDATE document SET content = '"b"' WHERE id = 'a'`],
  ['the same content in other characters', `UPDATE document SET content = content || ' ' WHERE id = 'a'`],
  ['the revision', `UPDATE document SET revision = revision + 1 WHERE id = 'a'`],
  ['the seal', `UPDATE document SET seal = zeroblob(32) WHERE id = 'a'`],
  ['no seal', `UPDATE document SET seal = x'' WHERE id = 'a'`],
  ['the id', `DELETE FROM document WHERE id = 'a'; UPDATE document SET id = 'a' WHERE id = 'b'`],
  [
    'the collection',
    `DELETE FROM document WHERE collection = 'user'; UPDATE document SET collection = 'user' WHERE id = 'a'`,
  ],
] as const;

for (const [what, statement] of EDITS) {
  test(`a document that was edited behind the service's back is refused: ${what}`, async (t) => {
    const { documents, database } = await open(t);
    await documents.add('user', 'a', 'a');
    await documents.add('user', 'b', 'b');
    await documents.add('group', 'a', 'a');
    database.exec(statement);
    await refused(t, documents.find('user', 'a'), 'StoreTampered');
    const error = await refused(t, documents.list('user'), 'StoreTampered');
    t.regex(String(error.cause), /user\/a/);
    t.notRegex(error.message, /user/);
  });
}

test('a store that answers with another document is refused', async (t) => {
  const { store, documents } = await open(t);
  await documents.add('user', 'a', 'a');
  const other = storeWith(store, { findDocument: () => store.findDocument('user', 'a') });
  await refused(t, new SealedDocuments(TEST_SEALER, other).find('user', 'b'), 'StoreTampered');
});

test('where the store does not know whether it has a change, it is asked', async (t) => {
  const { store, documents } = await open(t);
  const unknown = (): never => {
    throw new StrongroomError('OutcomeUnknown', 'The connection was lost.');
  };
  const written = new SealedDocuments(
    TEST_SEALER,
    storeWith(store, { changeDocument: (change) => store.changeDocument(change).then(unknown) }),
  );
  const lost = new SealedDocuments(TEST_SEALER, storeWith(store, { changeDocument: async () => unknown() }));
  const added = await written.add('user', 'a', 1);
  const replaced = await written.replace('user', { ...added, content: 2 });
  await refused(t, lost.add('user', 'b', 1), 'OutcomeUnknown');
  await refused(t, lost.replace('user', { ...replaced, content: 3 }), 'OutcomeUnknown');
  await refused(t, lost.remove('user', 'a', 2), 'OutcomeUnknown');
  t.deepEqual(await documents.list('user'), [replaced]);
  await written.remove('user', 'a', 2);
  t.deepEqual(await documents.list('user'), []);
});

test('a change that can be read and is not there to stay, or cannot be asked for, has an unknown outcome', async (t) => {
  const { store } = await open(t);
  const unknown = (): never => {
    throw new StrongroomError('OutcomeUnknown', 'The wait for the standby was cancelled.');
  };
  const away = (): never => {
    throw new StrongroomError('ServiceUnavailable', 'The store cannot be reached.');
  };
  const changeDocument: Store['changeDocument'] = (change) => store.changeDocument(change).then(unknown);
  for (const [id, different] of [
    ['unconfirmed', { changeDocument, confirm: async () => unknown() }],
    ['unasked', { changeDocument, findDocument: async () => away() }],
  ] as const) {
    const documents = new SealedDocuments(TEST_SEALER, storeWith(store, different));
    await refused(t, documents.add('user', id, 1), 'OutcomeUnknown');
  }
});

test('who listens hears of changes of his collection, and of those that nobody knows more about', async (t) => {
  const { store } = await open(t);
  let tell: ((collections: readonly string[] | undefined) => void) | undefined;
  const onDocumentsChanged = (listener: NonNullable<typeof tell>): void => {
    tell = listener;
  };
  let heard = 0;
  new SealedDocuments(TEST_SEALER, storeWith(store, { onDocumentsChanged })).onChanged('user', () => {
    heard += 1;
  });
  tell?.(['group', 'setting']);
  t.is(heard, 0);
  tell?.(['group', 'user']);
  tell?.(undefined);
  t.is(heard, 2);
});
