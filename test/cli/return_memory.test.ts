import { getHeapSpaceStatistics } from 'node:v8';
import test from 'ava';
import { returnMemory } from '../../src/cli/return_memory.ts';
import { nativeAddon } from '../../src/pkcs11/binding.ts';

const room = (): number => getHeapSpaceStatistics().reduce((sum, space) => sum + space.physical_space_size, 0);

test.serial('what is not used any more is given back', (t) => {
  let garbage: unknown[] | undefined = Array.from({ length: 300_000 }, (_, index) => ({
    index,
    text: `${index} of many`,
  }));
  t.is(garbage.length, 300_000);
  const before = room();
  garbage = undefined;
  returnMemory(nativeAddon());
  t.true(room() < before);
});

test.serial('what was freed below a block that is used is given back by the C library', (t) => {
  const blocks: (Uint8Array | undefined)[] = Array.from({ length: 10_000 }, () => new Uint8Array(4_096).fill(1));
  blocks.fill(undefined, 0, -1);
  let resident = 0;
  returnMemory({
    returnFreedMemory: () => {
      resident = process.memoryUsage.rss();
      nativeAddon().returnFreedMemory();
    },
  });
  t.true(resident - process.memoryUsage.rss() > 20_000_000, 'most of 40 MB');
  t.is(blocks.at(-1)?.[0], 1);
});

test.serial('programs cannot collect garbage afterwards', (t) => {
  returnMemory(nativeAddon());
  t.false('gc' in globalThis);
});
