/*
 * A program with a store: each line of its input names a document that is stored, and is answered by a line with what came of it. It is a
 * process of its own because what is done to its disk is done to a whole process, and because it is killed.
 */
import { createInterface } from 'node:readline';
import { StrongroomError } from '../../src/model/errors.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';

const collection = 'setting';
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const store = await SqliteStore.open(process.argv[2] ?? '');
const kept = await store.listDocuments(collection);
say(`kept ${kept.map(({ record }) => record.id).join(' ')}`);
for await (const id of createInterface({ input: process.stdin })) {
  const record = { collection, id, content: '{}', revision: 1 };
  const change = { collection, id, expectedRevision: undefined, document: { record, seal: Buffer.alloc(32) } };
  try {
    await store.changeDocument(change);
    say('done');
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    say(`${error.code} ${error.innerCode}`);
  }
}
await store.close();
