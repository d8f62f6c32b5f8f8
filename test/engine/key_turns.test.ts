import test from 'ava';
import { KeyTurns } from '../../src/engine/key_turns.ts';

test('work on one key goes one after the other in the order in which it came, failed or not', async (t) => {
  const turns = new KeyTurns();
  const log: string[] = [];
  const work = (name: string, index: number) => async (): Promise<number> => {
    log.push(`${name}${index} begins`);
    await new Promise(setImmediate);
    log.push(`${name}${index} ends`);
    if (index === 1) throw new Error('it fails');
    return index;
  };
  const results = await Promise.allSettled([0, 1, 2].map((index) => turns.take('a', work('a', index))));
  t.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  t.deepEqual(log, ['a0 begins', 'a0 ends', 'a1 begins', 'a1 ends', 'a2 begins', 'a2 ends']);
});

test('work on different keys does not wait for each other', async (t) => {
  const turns = new KeyTurns();
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const slow = turns.take('a', () => finished);
  t.is(await turns.take('b', async () => 5), 5);
  finish();
  await slow;
  t.is(await turns.take('a', async () => 6), 6);
});
