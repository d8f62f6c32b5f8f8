import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { StrongroomError } from '../../src/model/errors.ts';
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

const NAME = 'AllowKeyManagementOperationsThroughARM';

test.serial(
  'the one setting is false until somebody sets it, and what it was set to for every engine of the pool',
  async (t) => {
    const { engine, pool, store } = opened;
    const other = await KeyEngine.open({ pool, store });
    t.deepEqual(await engine.listSettings(), [{ name: NAME, value: false }]);
    for (const value of [true, true, false, true]) {
      t.deepEqual(await engine.setSetting(NAME, value), { name: NAME, value });
      t.deepEqual(await other.listSettings(), [{ name: NAME, value }]);
    }
  },
);

test.serial('set many times at once, a setting is what one of them said', async (t) => {
  const { engine, pool, store } = opened;
  const other = await KeyEngine.open({ pool, store });
  await Promise.all([engine.setSetting(NAME, true), other.setSetting(NAME, false), engine.setSetting(NAME, true)]);
  t.is((await store.findDocument('setting', NAME))?.record.content, String((await engine.listSettings())[0]?.value));
});

test('there are no other settings, and no other values', async (t) => {
  const { engine } = opened;
  await refused(t, engine.setSetting('Other', true), 'NotFound');
  await refused(t, engine.setSetting(NAME, 'true' as unknown as boolean), 'BadParameter');
});

test.serial('where the store does not know whether it has a setting, it is asked', async (t) => {
  const { pool, store } = opened;
  const unknown = (): never => {
    throw new StrongroomError('OutcomeUnknown', 'The connection was lost.');
  };
  const written = await KeyEngine.open({
    pool,
    store: storeWith(store, { changeDocument: (change) => store.changeDocument(change).then(unknown) }),
  });
  t.deepEqual(await written.setSetting(NAME, true), { name: NAME, value: true });
  const lost = await KeyEngine.open({ pool, store: storeWith(store, { changeDocument: async () => unknown() }) });
  await refused(t, lost.setSetting(NAME, false), 'OutcomeUnknown');
  t.deepEqual(await lost.listSettings(), [{ name: NAME, value: true }]);
});

test.serial('a setting that was edited is refused', async (t) => {
  const { pool, store, engine } = opened;
  await engine.setSetting(NAME, false);
  const edited = storeWith(store, {
    findDocument: async (collection, id) => {
      const sealed = await store.findDocument(collection, id);
      return sealed && { ...sealed, record: { ...sealed.record, content: 'true' } };
    },
  });
  const tampered = await KeyEngine.open({ pool, store: edited });
  await refused(t, tampered.listSettings(), 'StoreTampered');
  await refused(t, tampered.setSetting(NAME, true), 'StoreTampered');
});
