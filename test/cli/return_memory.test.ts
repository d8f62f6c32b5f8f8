import { getHeapSpaceStatistics } from 'node:v8';
import test from 'ava';
import { returnMemory } from '../../src/cli/return_memory.ts';

const room = (): number => getHeapSpaceStatistics().reduce((sum, space) => sum + space.physical_space_size, 0);

test.serial('what is not used any more is given back', (t) => {
  let garbage: unknown[] | undefined = Array.from({ length: 300_000 }, (_, index) => ({
    index,
    text: `${index} of many`,
  }));
  t.is(garbage.length, 300_000);
  const before = room();
  garbage = undefined;
  returnMemory();
  t.true(room() < before);
});

test.serial('programs cannot collect garbage afterwards', (t) => {
  returnMemory();
  t.false('gc' in globalThis);
});
