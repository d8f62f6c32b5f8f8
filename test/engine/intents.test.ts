import test, { type ExecutionContext } from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { KeySpec } from '../../src/model/key.ts';
import type { Store } from '../../src/store/store.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { storeWith } from '../fixtures/store_with.ts';
import { countObjects } from '../fixtures/token_inventory.ts';

let token: TestToken;
let opened: TestEngine;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine({ pool: { hosts: 1 } });
});

test.after.always(() => token.close());

const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const MINUTE = 60_000;

const objects = async (): Promise<number> => (await countObjects(opened.pool, { CKA_TOKEN: true }))[0] as number;
const intents = async (): Promise<number> => (await opened.store.listIntents(opened.pool.firstToken.serial)).length;

/** Nothing answers any more, as in a process that has been killed. */
const never = <Result>(): Promise<Result> => new Promise(() => undefined);

/** An engine over the same token and store that a crash has ended: whatever it still asks, nobody answers. */
interface Crash {
  readonly engine: KeyEngine;
  readonly crashed: Promise<void>;
}

/** Crashes in front of a call of the store, or right behind it. */
async function crashAt(method: 'addIntent' | 'changeKey' | 'endIntent', when: 'before' | 'after'): Promise<Crash> {
  const { pool, store } = opened;
  const { promise: crashed, resolve: crash } = Promise.withResolvers<void>();
  let dead = false;
  const dying =
    (name: keyof Store) =>
    async (...parameters: never[]): Promise<never> => {
      if (dead) return never();
      const call = store[name] as (...all: never[]) => Promise<never>;
      if (name !== method) return call.apply(store, parameters);
      if (when === 'after') await call.apply(store, parameters);
      dead = true;
      crash();
      return never();
    };
  const different = { addIntent: dying('addIntent'), changeKey: dying('changeKey'), endIntent: dying('endIntent') };
  return { engine: await KeyEngine.open({ pool, store: storeWith(store, different) }), crashed };
}

/** What was asked of an engine that crashes is never answered. */
async function crashWhile(t: ExecutionContext, { crashed }: Crash, unanswered: Promise<unknown>): Promise<void> {
  const answered = unanswered.then(
    () => t.fail('the crashed engine answered'),
    () => t.fail('the crashed engine refused'),
  );
  await Promise.race([crashed, answered]);
}

test.serial(
  'a crash before the record of a resident key leaves nothing of it once the next engine is open',
  async (t) => {
    const before = await objects();
    for (const [method, when] of [
      ['addIntent', 'before'],
      ['addIntent', 'after'],
      ['changeKey', 'before'],
    ] as const) {
      const crash = await crashAt(method, when);
      const made = crash.engine.createKey({ name: 'half', spec: P256, custody: 'resident' });
      await crashWhile(t, crash, made);
      if (method === 'changeKey') t.is(await objects(), before + 2);
      const next = await KeyEngine.open(opened);
      t.is(await objects(), before, `${when} ${method}`);
      t.is(await intents(), 0);
      await refused(t, next.getKey({ name: 'half' }), 'KeyNotFound');
    }
  },
);

test.serial('a crash after the record of a resident key leaves the key', async (t) => {
  const before = await objects();
  const crash = await crashAt('changeKey', 'after');
  await crashWhile(t, crash, crash.engine.createKey({ name: 'made', spec: P256, custody: 'resident' }));
  const next = await KeyEngine.open(opened);
  t.is(await objects(), before + 2);
  t.is(await intents(), 0);
  const key = { name: 'made' };
  await t.notThrowsAsync(next.sign({ key, algorithm: 'ES256', digest: new Uint8Array(32) }));
});

test.serial('a crash while a resident key is purged leaves the key deleted or the token without it', async (t) => {
  const { engine } = opened;
  const before = await objects();
  for (const [method, when, purged] of [
    ['changeKey', 'before', false],
    ['changeKey', 'after', true],
    ['endIntent', 'before', true],
  ] as const) {
    const name = `purge-${method}-${when}`;
    await engine.createKey({ name, spec: P256, custody: 'resident' });
    await engine.deleteKey(name);
    const crash = await crashAt(method, when);
    await crashWhile(t, crash, crash.engine.purgeKey(name));
    const next = await KeyEngine.open(opened);
    t.is(await intents(), 0);
    if (!purged) {
      t.is(await objects(), before + 2);
      await next.recoverKey(name);
      await t.notThrowsAsync(next.sign({ key: { name }, algorithm: 'ES256', digest: new Uint8Array(32) }));
      await next.deleteKey(name);
      await next.purgeKey(name);
    }
    t.is(await objects(), before, name);
    await refused(t, next.getDeletedKey(name), 'KeyNotFound');
  }
});

test.serial('where it is not known whether a resident key is on record, its objects stay until it is', async (t) => {
  const { pool, store } = opened;
  const before = await objects();
  let now = Date.now();
  const different = {
    changeKey: async () => {
      throw new StrongroomError('OutcomeUnknown', 'The connection was lost.');
    },
  };
  const engine = await KeyEngine.open({ pool, store: storeWith(store, different), clock: () => now });
  await refused(t, engine.createKey({ name: 'unknown', spec: P256, custody: 'resident' }), 'OutcomeUnknown');
  t.is(await objects(), before + 2);
  await engine.keepHouse();
  t.is(await intents(), 1, 'it may still be under way');
  now += 16 * MINUTE;
  t.deepEqual((await engine.keepHouse()).failed, []);
  t.is(await intents(), 0);
  t.is(await objects(), before);
});

test.serial('objects that cannot be destroyed with their key are destroyed later', async (t) => {
  const { pool, store, engine } = opened;
  const before = await objects();
  let now = Date.now();
  let sick = true;
  const different = {
    endIntent: async (id: string) => {
      if (sick) throw new StrongroomError('ServiceUnavailable', 'The store could not be written to.');
      await store.endIntent(id);
    },
  };
  const weak = await KeyEngine.open({ pool, store: storeWith(store, different), clock: () => now });
  await engine.createKey({ name: 'later', spec: P256, custody: 'resident' });
  await engine.deleteKey('later');
  await t.notThrowsAsync(weak.purgeKey('later'));
  t.is(await intents(), 1);
  now += 16 * MINUTE;
  t.is((await weak.keepHouse()).failed[0]?.name, 'later');
  sick = false;
  t.deepEqual((await weak.keepHouse()).failed, []);
  t.is(await intents(), 0);
  t.is(await objects(), before);
});

test.serial('an intent that nobody of the pool has written down is refused, and destroys nothing', async (t) => {
  const { pool, store, engine } = opened;
  const { version } = await engine.createKey({ name: 'target', spec: P256, custody: 'resident' });
  const { objectId } = (await store.findKeyVersion('target', version))?.version?.record ?? {};
  const record = {
    id: '0'.repeat(32),
    token: pool.firstToken.serial,
    kind: 'destroy',
    name: 'other',
    version,
    objectId: objectId as Uint8Array,
    created: 1,
  } as const;
  await store.addIntent({ record, seal: new Uint8Array(32) });
  t.teardown(() => store.endIntent(record.id));
  await refused(t, KeyEngine.open(opened), 'StoreTampered');
  const key = { name: 'target' };
  await t.notThrowsAsync(engine.sign({ key, algorithm: 'ES256', digest: new Uint8Array(32) }));
});

test.serial('intents of another token are nobody’s business here', async (t) => {
  const { pool, store } = opened;
  const record = {
    id: '1'.repeat(32),
    token: 'another',
    kind: 'make',
    name: 'a',
    version: '0'.repeat(32),
    objectId: new Uint8Array(16),
    created: 1,
  } as const;
  await store.addIntent({ record, seal: new Uint8Array(32) });
  await t.notThrowsAsync(KeyEngine.open({ pool, store }));
  t.is((await store.listIntents('another')).length, 1);
});
