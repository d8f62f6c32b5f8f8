import { createHmac, randomBytes } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import type { BackedUpDocument, BackupEntry } from '../../src/backup/backup_entry.ts';
import { chunkName, MANIFEST } from '../../src/backup/backup_format.ts';
import { PoolContents } from '../../src/backup/pool_contents.ts';
import { StoredBackup } from '../../src/backup/stored_backup.ts';
import { writeBackup } from '../../src/backup/write_backup.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { sealedKeyBytes, sealedKeyVersionBytes } from '../../src/store/record_seal.ts';
import type { Sealer } from '../../src/store/sealed_documents.ts';
import type { KeyRecord, KeyVersionRecord, WholeKey } from '../../src/store/store.ts';
import { campaign } from '../campaigns/campaign.ts';
import { refused } from '../fixtures/refused.ts';
import { MemoryDocumentStore, TEST_SEALER, testDocuments } from '../fixtures/test_documents.ts';
import { KEY_FIELDS, KEY_VERSION_FIELDS } from '../store/record_arbitraries.ts';
import { key, keyVersion, same } from '../store/store_records.ts';
import { MemoryContainer } from './memory_container.ts';

const SIGNAL = new AbortController().signal;
const FOLDER = 'mhsm-demo-1';
const STRANGER: Sealer = {
  seal: async (bytes) => createHmac('sha256', 'another seal key').update(bytes).digest(),
  verifySeal: async () => false,
};

async function sealed(
  record: KeyRecord,
  versions: readonly (readonly [KeyVersionRecord, number])[],
): Promise<WholeKey> {
  return {
    key: { record, seal: await TEST_SEALER.seal(sealedKeyBytes(record)) },
    versions: await Promise.all(
      versions.map(async ([version, encryptions]) => ({
        version: { record: version, seal: await TEST_SEALER.seal(sealedKeyVersionBytes(version)) },
        encryptions,
      })),
    ),
  };
}

/** Keys with so many bytes in a tag that there are few of them in a chunk. */
async function largeKeys(count: number, bytes: number): Promise<WholeKey[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const name = `key-${String(index).padStart(4, '0')}`;
      const { record: version } = keyVersion({ name, tags: { large: String(index % 10).repeat(bytes) } });
      return sealed(key({ name, newest: version.version }).record, [[version, index]]);
    }),
  );
}

async function contents(keys: readonly WholeKey[], documents: readonly BackedUpDocument[] = []): Promise<PoolContents> {
  const stored = testDocuments(new MemoryDocumentStore());
  for (const { collection, id, content } of documents) await stored.add(collection, id, content);
  return new PoolContents({
    store: {
      listWholeKeys: async ({ after = '', limit }) =>
        keys.filter((each) => each.key.record.name > after).slice(0, limit),
    },
    documents: stored,
    sealer: TEST_SEALER,
    collections: [{ name: 'setting' }, { name: 'role_assignment' }],
  });
}

async function written(
  keys: readonly WholeKey[],
  documents: readonly BackedUpDocument[] = [],
): Promise<MemoryContainer> {
  const container = new MemoryContainer();
  const target = { container, folder: FOLDER, hsmName: 'demo', started: 1_790_000_000 };
  await writeBackup(await contents(keys, documents), TEST_SEALER, target, SIGNAL, () => undefined);
  return container;
}

async function readBack(container: MemoryContainer, sealer: Sealer = TEST_SEALER): Promise<BackupEntry[]> {
  const backup = await StoredBackup.open(sealer, container, FOLDER, SIGNAL);
  const entries: BackupEntry[] = [];
  for await (const entry of backup.entries()) entries.push(entry);
  return entries;
}

const pathOf = (chunk: number): string => `${FOLDER}/${chunkName(chunk)}`;
const MANIFEST_PATH = `${FOLDER}/${MANIFEST}`;

test('whatever a key has comes back as it was', async (t) => {
  const names = fc.uniqueArray(fc.stringMatching(/^[0-9A-Za-z-]{1,12}$/), { maxLength: 6 });
  const version = fc.record({ ...KEY_VERSION_FIELDS, custody: fc.constant('wrapped' as const) });
  const state = names.chain((all) =>
    fc.tuple(
      ...all.toSorted().map((name) =>
        fc
          .tuple(
            fc.record(KEY_FIELDS),
            fc.uniqueArray(fc.tuple(version, fc.maxSafeNat()), {
              minLength: 1,
              maxLength: 3,
              selector: ([each]) => each.version,
            }),
          )
          .map(([record, versions]) => ({ name, record, versions })),
      ),
    ),
  );
  const property = fc.asyncProperty(state, async (given) => {
    const keys = await Promise.all(
      given.map(({ name, record, versions }) =>
        sealed(
          { ...record, name, newest: versions[0]?.[0].version ?? '', versions: versions.length },
          versions.map(([each, count]) => [{ ...each, name }, count] as const),
        ),
      ),
    );
    const entries = await readBack(await written(keys));
    if (
      !same(
        entries,
        keys.map((each) => ({ kind: 'key', key: each })),
      )
    )
      throw new Error('It came back different');
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 200 }) as Promise<void>);
});

test('documents come first, keys in the order of their names, and a key is found in its chunk alone', async (t) => {
  const keys = await largeKeys(24, 500_000);
  const documents = [
    { collection: 'setting', id: 'one', content: true, revision: 1 },
    { collection: 'role_assignment', id: '/', content: { assignments: ['ä'] }, revision: 1 },
  ];
  const container = await written(keys, documents);
  t.is(container.blobs.size, 4);
  const entries = await readBack(container);
  t.deepEqual(
    entries.flatMap((entry) => (entry.kind === 'document' ? entry.document : [])),
    documents,
  );
  t.true(
    same(
      entries.flatMap((entry) => (entry.kind === 'key' ? entry.key : [])),
      keys,
    ),
  );
  const backup = await StoredBackup.open(TEST_SEALER, container, FOLDER, SIGNAL);
  t.like(backup.manifest, { hsmName: 'demo', started: 1_790_000_000, keys: 24, versions: 24, documents: 2 });
  for (const path of [pathOf(1), pathOf(3)]) container.blobs.delete(path);
  const { firstKey = '', lastKey = '' } = backup.manifest.chunks[1] ?? {};
  for (const name of [firstKey, lastKey]) t.is((await backup.findKey(name))?.key.record.name, name);
  t.is(await backup.findKey('key-9999'), undefined);
  t.is(await backup.findKey(`${firstKey}-`), undefined);
});

test('a pool without keys has a backup as well', async (t) => {
  const container = await written([]);
  t.deepEqual([...container.blobs.keys()], [MANIFEST_PATH]);
  t.deepEqual(await readBack(container), []);
});

test('who looks at all keys says how far he has come, and stops when nobody waits for it any more', async (t) => {
  const all = await contents(await largeKeys(70, 10));
  const seen: number[] = [];
  await all.requireNoResidentKeys(SIGNAL, (keys) => seen.push(keys));
  t.deepEqual(seen, [32, 64, 70]);
  const giveUp = new AbortController();
  const attempt = all.requireNoResidentKeys(giveUp.signal, () => giveUp.abort(new Error('The server stops.')));
  await t.throwsAsync(attempt, { message: 'The server stops.' });
});

test('no bit of a manifest can be another', async (t) => {
  const container = await written(await largeKeys(2, 10));
  const genuine = container.blobs.get(MANIFEST_PATH) as Uint8Array;
  const unseen: string[] = [];
  for (let bit = 0; bit < 8 * genuine.length; bit++) {
    const spoilt = Uint8Array.from(genuine);
    spoilt[bit >> 3] = (spoilt[bit >> 3] as number) ^ (1 << (bit & 7));
    container.blobs.set(MANIFEST_PATH, spoilt);
    const isFound = await readBack(container).then(
      () => false,
      (error: unknown) => error instanceof StrongroomError && /^Backup/.test(error.innerCode ?? ''),
    );
    if (!isFound) unseen.push(`bit ${bit & 7} of ${String.fromCharCode(genuine[bit >> 3] as number)} at ${bit >> 3}`);
  }
  t.deepEqual(unseen, []);
});

campaign('backup_damage', async (t, run) => {
  const setting = { collection: 'setting', id: 'one', content: true, revision: 1 };
  const container = await written(await largeKeys(6, 2_000), [setting]);
  const reasons = new Map<string, number>();
  for (; run.done < run.count; run.done++) {
    const path = run.random.pick([MANIFEST_PATH, pathOf(1)]);
    const genuine = container.blobs.get(path) as Uint8Array;
    const place = run.random.integer(0, genuine.length - 1);
    const spoilt = Uint8Array.from(genuine);
    spoilt[place] = (spoilt[place] as number) ^ (1 << run.random.integer(0, 7));
    container.blobs.set(path, run.random.chance(0.8) ? spoilt : genuine.slice(0, place));
    const reason = await readBack(container).then(
      () => 'taken for genuine',
      (error: unknown) => (error instanceof StrongroomError ? error.innerCode : String(error)),
    );
    reasons.set(String(reason), (reasons.get(String(reason)) ?? 0) + 1);
    if (reason !== 'BackupDamaged' && reason !== 'BackupOfOtherDomain') run.fail(`${path} at ${place}: ${reason}`);
    container.blobs.set(path, genuine);
  }
  for (const [reason, count] of reasons) run.measure(reason, count);
  await t.notThrowsAsync(readBack(container));
});

test('what is cut off, longer, missing, swapped or of another backup is found', async (t) => {
  const keys = await largeKeys(24, 500_000);
  const [one, other] = await Promise.all([written(keys), written(keys)]);
  const first = one.blobs.get(pathOf(1)) as Uint8Array;
  const second = one.blobs.get(pathOf(2)) as Uint8Array;
  const manifest = one.blobs.get(MANIFEST_PATH) as Uint8Array;
  const cases: readonly [what: string, path: string, bytes: Uint8Array | undefined][] = [
    ['a chunk that is cut off', pathOf(1), first.slice(0, -1)],
    ['an empty chunk', pathOf(2), new Uint8Array()],
    ['a chunk that is longer', pathOf(1), Buffer.concat([first, Buffer.alloc(1)])],
    ['no chunk', pathOf(3), undefined],
    ['a chunk in the place of another', pathOf(1), second],
    ['a chunk of another backup', pathOf(2), other.blobs.get(pathOf(2))],
    ['the manifest of another backup', MANIFEST_PATH, other.blobs.get(MANIFEST_PATH)],
    ['a manifest that is cut off', MANIFEST_PATH, manifest.slice(0, -20)],
    ['a manifest that is none', MANIFEST_PATH, Buffer.from('null')],
    ['a manifest of another format', MANIFEST_PATH, Buffer.from('{"format":"x"}')],
  ];
  for (const [what, path, bytes] of cases) {
    const genuine = one.blobs.get(path) as Uint8Array;
    if (bytes === undefined) one.blobs.delete(path);
    else one.blobs.set(path, bytes);
    await refused(t, readBack(one), 'BadParameter', 'BackupDamaged', what);
    one.blobs.set(path, genuine);
  }
  const later = JSON.parse(Buffer.from(manifest).toString());
  one.blobs.set(MANIFEST_PATH, Buffer.from(JSON.stringify({ ...later, version: 2 })));
  const error = await refused(t, readBack(one), 'BadParameter', 'BackupDamaged');
  t.regex(error.message, /version 2/);
  one.blobs.delete(MANIFEST_PATH);
  await refused(t, readBack(one), 'NotFound', 'BackupNotFound');
  one.blobs.set(MANIFEST_PATH, manifest);
  t.is((await readBack(one)).length, 24);
});

test('a pool of another security domain reads nothing, whatever the manifest says', async (t) => {
  const container = await written(await largeKeys(1, 100));
  await refused(t, readBack(container, STRANGER), 'BadParameter', 'BackupOfOtherDomain');
  const manifest = JSON.parse(Buffer.from(container.blobs.get(MANIFEST_PATH) as Uint8Array).toString());
  const domain = Buffer.from(await STRANGER.seal(Buffer.from('strongroom/backup_domain/1\0', 'latin1')));
  container.blobs.set(
    MANIFEST_PATH,
    Buffer.from(JSON.stringify({ ...manifest, domain: domain.toString('base64url') })),
  );
  await refused(t, readBack(container, STRANGER), 'BadParameter', 'BackupDamaged');
});

test('nothing of a store that was tampered with goes into a backup', async (t) => {
  const [genuine] = await largeKeys(1, 100);
  const { key: sealedKey, versions } = genuine as WholeKey;
  const [counted] = versions as [WholeKey['versions'][number]];
  const { version } = counted;
  const tampered: readonly WholeKey[] = [
    { key: { ...sealedKey, record: { ...sealedKey.record, rotationDue: 1 } }, versions },
    { key: sealedKey, versions: [] },
    { key: sealedKey, versions: [counted, counted] },
    {
      key: sealedKey,
      versions: [{ ...counted, version: { ...version, record: { ...version.record, enabled: false } } }],
    },
    { key: sealedKey, versions: [{ ...counted, version: { ...version, seal: randomBytes(32) } }] },
  ];
  for (const each of tampered) await refused(t, written([each]), 'StoreTampered');
});

test('memory holds about a chunk, however many keys there are', async (t) => {
  let open = 0;
  let most = 0;
  const count = 60;
  const [sample] = await largeKeys(1, 400_000);
  const template = sample as WholeKey;
  const container = new MemoryContainer();
  container.write = async (_path, bytes) => {
    open = 0;
    most = Math.max(most, bytes.length);
  };
  const names = Array.from({ length: count }, (_, index) => `key-${String(index).padStart(4, '0')}`);
  const source = await contents([]);
  const streaming = Object.assign(Object.create(source), {
    documents: async () => [],
    keys: async function* () {
      for (const name of names) {
        open += JSON.stringify(template).length;
        t.true(open < 4 * LIMITS.backupChunkCharacters, 'what was read has been written before more is read');
        yield [
          await sealed({ ...template.key.record, name }, [
            [{ ...(template.versions[0]?.version.record as KeyVersionRecord), name }, 0],
          ]),
        ];
      }
    },
  }) as PoolContents;
  const target = { container, folder: FOLDER, hsmName: 'demo', started: 1 };
  t.is((await writeBackup(streaming, TEST_SEALER, target, SIGNAL, () => undefined)).keys, count);
  t.true(most < 2 * LIMITS.backupChunkCharacters);
});

test('a backup that is given up ends, and what it has written is none', async (t) => {
  const container = new MemoryContainer();
  const giveUp = new AbortController();
  const reason = new StrongroomError('ServiceUnavailable', 'stopped');
  const target = { container, folder: FOLDER, hsmName: 'demo', started: 1 };
  const source = await contents(await largeKeys(40, 500_000));
  const attempt = writeBackup(source, TEST_SEALER, target, giveUp.signal, () => giveUp.abort(reason));
  t.is(await t.throwsAsync(attempt), reason);
  await refused(t, readBack(container), 'NotFound', 'BackupNotFound');
});
