import test from 'ava';
import { PoolEpoch } from '../../src/backup/pool_epoch.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { refused } from '../fixtures/refused.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A store whose keys somebody replaces. */
class Replaced {
  count = 7;
  failure: Error | undefined;
  #listener: (names: readonly string[] | undefined) => void = () => undefined;

  async countReplacements(): Promise<number> {
    if (this.failure !== undefined) throw this.failure;
    return this.count;
  }

  onKeysChanged(listener: (names: readonly string[] | undefined) => void): void {
    this.#listener = listener;
  }

  async tell(names: readonly string[] | undefined): Promise<void> {
    this.#listener(names);
    await turn();
  }
}

const done = async (): Promise<string> => 'done';

/** Something that is under way until it is told to end. */
function work() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { end: resolve, run: () => promise };
}

test('what was let in before everything was replaced is refused afterwards', async (t) => {
  const store = new Replaced();
  const epoch = await PoolEpoch.open(store);
  const admitted = epoch.current;
  t.is(admitted, 7);
  t.is(await epoch.through(admitted, done), 'done');
  await epoch.replace(async () => {
    store.count += 1;
    return store.count;
  });
  t.is(epoch.current, 8);
  await refused(t, epoch.through(admitted, done), 'Conflict', 'RestoreInProgress');
  t.is(await epoch.through(8, done), 'done');
});

test('a replacement waits for what is under way, and what comes waits for the replacement', async (t) => {
  const store = new Replaced();
  const epoch = await PoolEpoch.open(store);
  const [change, replacement] = [work(), work()];
  const changing = epoch.through(7, change.run);
  let begun = false;
  const replacing = epoch.replace(async () => {
    begun = true;
    await replacement.run();
    store.count += 1;
    return undefined;
  });
  const late = epoch.through(epoch.current, done);
  await turn();
  t.false(begun);
  change.end();
  await changing;
  await turn();
  t.true(begun);
  replacement.end();
  await replacing;
  await refused(t, late, 'Conflict', 'RestoreInProgress');
});

test('after a replacement that fails everything goes on as before', async (t) => {
  const epoch = await PoolEpoch.open(new Replaced());
  const replacing = epoch.replace(async () => {
    throw new StrongroomError('Conflict', 'No.');
  });
  const waiting = epoch.through(7, done);
  await refused(t, replacing, 'Conflict');
  t.is(await waiting, 'done');
});

test('of a replacement by another server it is known, once nobody is under way who was let in before', async (t) => {
  const store = new Replaced();
  const epoch = await PoolEpoch.open(store);
  const change = work();
  const changing = epoch.through(7, change.run);
  await store.tell(undefined);
  t.is(await epoch.through(7, done), 'done', 'nothing was replaced');
  store.count += 1;
  await store.tell(['orders']);
  await store.tell(undefined);
  t.is(epoch.current, 7, 'the changes that are under way are of the epoch in which they were let in');
  const late = epoch.through(7, done);
  change.end();
  await changing;
  await refused(t, late, 'Conflict', 'RestoreInProgress');
  t.is(epoch.current, 8);
});

test('however often everything may have changed, the store is asked once at a time, and once more', async (t) => {
  let asked = 0;
  let answer = work();
  let tell: (names: undefined) => void = () => undefined;
  const epoch = await PoolEpoch.open({
    countReplacements: async () => {
      asked += 1;
      if (asked > 1) await answer.run();
      return asked;
    },
    onKeysChanged: (listener) => {
      tell = listener;
    },
  });
  for (let times = 0; times < 100; times++) tell(undefined);
  await turn();
  t.is(asked, 2);
  const first = answer;
  answer = work();
  answer.end();
  first.end();
  await turn();
  await turn();
  t.true(asked <= 6, `${asked}`);
  t.is(epoch.current, asked);
});

test('where it is not known whether there was a replacement, nothing is changed', async (t) => {
  const store = new Replaced();
  const epoch = await PoolEpoch.open(store);
  store.failure = new StrongroomError('ServiceUnavailable', 'No.');
  await store.tell(undefined);
  await refused(t, epoch.through(7, done), 'ServiceUnavailable');
  store.failure = undefined;
  await refused(t, epoch.through(7, done), 'ServiceUnavailable');
  await turn();
  t.is(await epoch.through(7, done), 'done', 'it was asked for again');
});
