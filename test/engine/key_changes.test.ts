import { randomBytes } from 'node:crypto';
import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { KeySpec } from '../../src/model/key.ts';
import type { KeyChange, Store } from '../../src/store/store.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { storeWith } from '../fixtures/store_with.ts';

let token: TestToken;
let opened: TestEngine;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine();
});

test.after.always(() => token.close());

const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const BLOCK = randomBytes(32);

/** Two servers over one store, each of which is told what the other has changed. */
async function twoServers(): Promise<readonly [KeyEngine, KeyEngine]> {
  const { pool, store } = opened;
  const listeners: ((names: readonly string[] | undefined) => void)[] = [];
  const seenBy = (self: number) =>
    storeWith(store, {
      changeKey: async (change, limits) => {
        await store.changeKey(change, limits);
        listeners[1 - self]?.([change.name]);
      },
      onKeysChanged: (listener) => {
        listeners[self] = listener;
      },
    });
  return [await KeyEngine.open({ pool, store: seenBy(0) }), await KeyEngine.open({ pool, store: seenBy(1) })];
}

test('versions of one name that two servers make at once are all there, and the newest is one of them', async (t) => {
  const servers = await twoServers();
  const made = await Promise.all(
    Array.from({ length: 12 }, (_, index) => (servers[index % 2] as KeyEngine).createKey({ name: 'rush', spec: OCT })),
  );
  const versions = made.map(({ version }) => version).toSorted();
  t.is(new Set(versions).size, 12);
  for (const server of servers) {
    const { items } = await server.listKeyVersions('rush', { limit: 100 });
    t.deepEqual(
      items.map(({ version }) => version),
      versions,
    );
    t.true(versions.includes((await server.getKey({ name: 'rush' })).version));
  }
  t.is((await opened.store.findKeyVersion('rush', undefined))?.key.record.versions, 12);
});

test('updates of one key that two servers do at once are all done', async (t) => {
  const servers = await twoServers();
  const key = { name: 'both' };
  await servers[0].createKey({ ...key, spec: OCT });
  await Promise.all([
    servers[0].updateKey({ key, tags: { a: 'b' } }),
    servers[1].updateKey({ key, notBefore: 7 }),
    servers[0].updateKey({ key, expires: 4_000_000_000 }),
    servers[1].updateKey({ key, operations: ['encrypt'] }),
  ]);
  const expected = { tags: { a: 'b' }, notBefore: 7, expires: 4_000_000_000, operations: ['encrypt'] as const };
  for (const server of servers) t.like(await server.getKey(key), expected);
});

test('what one server changes the other does not do by what it remembers', async (t) => {
  const [here, there] = await twoServers();
  const key = { name: 'seen' };
  const { version } = await here.createKey({ ...key, spec: OCT });
  const encrypt = (reference: { name: string; version?: string }): Promise<unknown> =>
    there.encrypt({ key: reference, algorithm: 'A256GCM', plaintext: BLOCK });
  await t.notThrowsAsync(encrypt(key));
  await here.updateKey({ key, enabled: false });
  await refused(t, encrypt(key), 'Forbidden', 'KeyDisabled');
  await refused(t, encrypt({ ...key, version }), 'Forbidden', 'KeyDisabled');
  await here.updateKey({ key, enabled: true });
  await t.notThrowsAsync(encrypt(key));
  await here.deleteKey('seen');
  await refused(t, encrypt(key), 'KeyNotFound');
  await here.recoverKey('seen');
  await t.notThrowsAsync(encrypt(key));
  const { version: second } = await here.createKey({ ...key, spec: OCT });
  t.is((await there.getKey(key)).version, second);
});

test('when it is not known what has changed, everything is asked for again', async (t) => {
  const { pool, store, engine } = opened;
  let tell: ((names: readonly string[] | undefined) => void) | undefined;
  const onKeysChanged = (listener: NonNullable<typeof tell>): void => {
    tell = listener;
  };
  const other = await KeyEngine.open({ pool, store: storeWith(store, { onKeysChanged }) });
  const names = ['all-1', 'all-2'];
  for (const name of names) {
    await engine.createKey({ name, spec: OCT });
    await other.getKey({ name });
    await engine.updateKey({ key: { name }, tags: { a: 'b' } });
    t.deepEqual((await other.getKey({ name })).tags, {});
  }
  t.is(other.status().keyVersionsCached, 2);
  tell?.(undefined);
  t.is(other.status().keyVersionsCached, 0);
  for (const name of names) t.deepEqual((await other.getKey({ name })).tags, { a: 'b' });
});

test('a lookup that was under way while the key changed brings nothing old back', async (t) => {
  const { pool, store, engine } = opened;
  const listeners: ((names: readonly string[] | undefined) => void)[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: read, resolve: hasRead } = Promise.withResolvers<void>();
  const slow = storeWith(store, {
    findKeyVersion: async (name, version) => {
      const found = await store.findKeyVersion(name, version);
      hasRead();
      await released;
      return found;
    },
    onKeysChanged: (listener) => {
      listeners.push(listener);
    },
  });
  await engine.createKey({ name: 'slow', spec: OCT });
  const other = await KeyEngine.open({ pool, store: slow });
  const lookup = other.getKey({ name: 'slow' });
  await read;
  await engine.updateKey({ key: { name: 'slow' }, enabled: false });
  for (const listener of listeners) listener(['slow']);
  const joined = other.getKey({ name: 'slow' });
  release();
  t.false((await lookup).enabled);
  t.false((await joined).enabled);
  t.false((await other.getKey({ name: 'slow' })).enabled);
});

test('a change of one’s own that another overtakes is not what is remembered', async (t) => {
  const { pool, store, engine } = opened;
  let tell: ((names: readonly string[] | undefined) => void) | undefined;
  const overtaken = storeWith(store, {
    changeKey: async (change, limits) => {
      await store.changeKey(change, limits);
      if (change.expectedRevision === undefined) return;
      await engine.updateKey({ key: { name: change.name }, enabled: false });
      tell?.([change.name]);
    },
    onKeysChanged: (listener) => {
      tell = listener;
    },
  });
  const other = await KeyEngine.open({ pool, store: overtaken });
  await other.createKey({ name: 'overtaken', spec: OCT });
  t.true((await other.updateKey({ key: { name: 'overtaken' }, tags: { a: 'b' } })).enabled);
  t.like(await other.getKey({ name: 'overtaken' }), { enabled: false, tags: { a: 'b' } });
});

test('a key that never stays as it was read is given up with a conflict', async (t) => {
  const { pool, store, engine } = opened;
  await engine.createKey({ name: 'busy', spec: OCT });
  let attempts = 0;
  const busy = storeWith(store, {
    changeKey: async () => {
      attempts += 1;
      throw new StrongroomError('Conflict', 'The key was changed.', { innerCode: 'KeyChanged' });
    },
  });
  const other = await KeyEngine.open({ pool, store: busy });
  await refused(t, other.updateKey({ key: { name: 'busy' } }), 'Conflict', 'KeyChanged');
  t.true(attempts > 5 && attempts < 50);
});

test('where the store does not know whether it has taken a change, it is asked', async (t) => {
  const { pool, store, engine } = opened;
  const unknown = (): never => {
    throw new StrongroomError('OutcomeUnknown', 'The connection was lost.');
  };
  let taken = true;
  const changeKey = async (...[change, limits]: Parameters<typeof store.changeKey>): Promise<void> => {
    if (taken) await store.changeKey(change, limits);
    unknown();
  };
  const other = await KeyEngine.open({ pool, store: storeWith(store, { changeKey }) });
  const name = 'asked';
  const key = { name };
  const steps: [string, () => Promise<unknown>][] = [
    ['create', () => other.createKey({ name, spec: OCT })],
    ['update', () => other.updateKey({ key, tags: { a: 'b' } })],
    ['policy', () => other.setRotationPolicy({ name, lifetimeActions: [], expiryTime: 'P90D' })],
    ['rotate', () => other.rotateKey(name)],
    ['delete', () => other.deleteKey(name)],
    ['recover', () => other.recoverKey(name)],
    ['delete again', () => other.deleteKey(name)],
    ['purge', () => other.purgeKey(name)],
  ];
  for (const [what, step] of steps) {
    taken = false;
    await refused(t, step(), 'OutcomeUnknown', undefined, what);
    taken = true;
    await t.notThrowsAsync(step(), what);
  }
  await refused(t, engine.getDeletedKey(name), 'KeyNotFound');
});

test('a change that can be read and is not there to stay has an unknown outcome', async (t) => {
  const { pool, store, engine } = opened;
  const different: Partial<Store> = {
    changeKey: async (change, limits) => {
      await store.changeKey(change, limits);
      throw new StrongroomError('OutcomeUnknown', 'The wait for the standby was cancelled.');
    },
    confirm: async () => {
      throw new StrongroomError('OutcomeUnknown', 'The wait for the standby was cancelled.');
    },
  };
  const other = await KeyEngine.open({ pool, store: storeWith(store, different) });
  await refused(t, other.createKey({ name: 'unconfirmed', spec: OCT }), 'OutcomeUnknown');
  t.truthy(await engine.getKey({ name: 'unconfirmed' }));
});

test('a name that is purged and taken again is another key to whoever knew the first', async (t) => {
  const { engine, store } = opened;
  const revisions: number[] = [];
  for (let round = 0; round < 3; round++) {
    await engine.createKey({ name: 'again', spec: OCT });
    revisions.push((await store.findKeyVersion('again', undefined))?.key.record.revision as number);
    await engine.deleteKey('again');
    await engine.purgeKey('again');
  }
  t.is(new Set(revisions).size, 3);
});

// Alone: an engine that opens settles what it finds begun with a resident key, and would take this for left behind.
test.serial('a change of a key goes to the store whole, with the revision that was read', async (t) => {
  const { pool, store } = opened;
  const changes: KeyChange[] = [];
  const changeKey = async (...[change, limits]: Parameters<typeof store.changeKey>): Promise<void> => {
    changes.push(change);
    await store.changeKey(change, limits);
  };
  const engine = await KeyEngine.open({ pool, store: storeWith(store, { changeKey }) });
  await engine.createKey({ name: 'log', spec: OCT });
  await engine.createKey({ name: 'log', spec: OCT, custody: 'resident' });
  await engine.updateKey({ key: { name: 'log' }, enabled: false });
  await engine.deleteKey('log');
  const first = changes[0]?.key?.record.revision as number;
  t.deepEqual(
    changes.map(({ expectedRevision, versions, endedIntents }) => [
      expectedRevision === undefined ? undefined : expectedRevision - first,
      versions.length,
      endedIntents?.length ?? 0,
    ]),
    [
      [undefined, 1, 0],
      [0, 1, 1],
      [1, 1, 0],
      [2, 0, 0],
    ],
  );
});
