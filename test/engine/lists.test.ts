import test from 'ava';
import type { Page, PageRequest } from '../../src/engine/requests.ts';
import type { KeySpec } from '../../src/model/key.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';

let token: TestToken;
let opened: TestEngine;

const NAMES = ['Zebra', 'a', 'a-1', 'a1', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].toSorted();
const DELETED = ['gone-1', 'gone-2', 'gone-3'];
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine();
  const { engine } = opened;
  await Promise.all([...NAMES, ...DELETED].map((name) => engine.createKey({ name, spec: OCT })));
  await Promise.all(DELETED.map((name) => engine.deleteKey(name)));
});

test.after.always(() => token.close());

/** All pages of a list. */
async function pagesOf<Item>(list: (request: PageRequest) => Promise<Page<Item>>, limit: number): Promise<Item[][]> {
  const pages: Item[][] = [];
  let after: string | undefined;
  do {
    const { items, next } = await list({ after, limit });
    pages.push([...items]);
    after = next;
  } while (after !== undefined);
  return pages;
}

for (const limit of [1, 2, 5, NAMES.length, NAMES.length + 1, LIMITS.listedAtOnce]) {
  test(`pages of ${limit} have every key that is not deleted once, in the order of their names`, async (t) => {
    const pages = await pagesOf((request) => opened.engine.listKeys(request), limit);
    t.deepEqual(
      pages.flat().map(({ name }) => name),
      NAMES,
    );
    t.is(pages.length, Math.ceil(NAMES.length / limit));
  });
}

test('deleted keys are listed beside the others, with the dates of their deletion', async (t) => {
  const pages = await pagesOf((request) => opened.engine.listDeletedKeys(request), 2);
  t.deepEqual(
    pages.map((page) => page.map(({ name }) => name)),
    [DELETED.slice(0, 2), DELETED.slice(2)],
  );
  for (const { deletion } of pages.flat()) t.is(deletion.scheduledPurge, deletion.deleted + 90 * 86_400);
});

test('a list shows each key as its newest version is now', async (t) => {
  const { engine } = opened;
  const second = await engine.createKey({ name: 'a', spec: { keyType: 'EC-HSM', curve: 'P-384' } });
  const updated = await engine.updateKey({ key: { name: 'a' }, tags: { seen: 'yes' }, enabled: false });
  const { items } = await engine.listKeys({ limit: 100 });
  const listed = items.find(({ name }) => name === 'a');
  t.is(listed?.version, second.version);
  t.deepEqual(listed, updated);
});

test('versions are listed by their id, all of them once', async (t) => {
  const { engine } = opened;
  const made = [];
  for (let count = 0; count < 7; count++) made.push(await engine.createKey({ name: 'b', spec: OCT }));
  const pages = await pagesOf((request) => engine.listKeyVersions('b', request), 3);
  const versions = pages.flat().map(({ version }) => version);
  t.deepEqual(versions, versions.toSorted());
  t.is(new Set(versions).size, 8);
  for (const { version } of made) t.true(versions.includes(version));
  t.deepEqual(
    pages.map((page) => page.length),
    [3, 3, 2],
  );
});

test('a list goes on after a key that is there no more', async (t) => {
  const { items } = await opened.engine.listKeys({ after: 'a-2', limit: 2 });
  t.deepEqual(
    items.map(({ name }) => name),
    ['a1', 'b'],
  );
  t.deepEqual(await opened.engine.listKeys({ after: 'zzz', limit: 2 }), { items: [], next: undefined });
});

test('a page that is none is refused', async (t) => {
  const { engine } = opened;
  for (const limit of [0, -1, 1.5, LIMITS.listedAtOnce + 1, Number.NaN, '5' as unknown as number]) {
    await refused(t, engine.listKeys({ limit }), 'BadParameter');
    await refused(t, engine.listDeletedKeys({ limit }), 'BadParameter');
    await refused(t, engine.listKeyVersions('a', { limit }), 'BadParameter');
  }
  await refused(t, engine.listKeys({ after: 'a_b', limit: 1 }), 'BadParameter');
  await refused(t, engine.listKeyVersions('a', { after: 'a', limit: 1 }), 'BadParameter');
  await refused(t, engine.listKeyVersions('a_b', { limit: 1 }), 'BadParameter');
  await refused(t, engine.listKeyVersions('none', { limit: 1 }), 'KeyNotFound');
});
