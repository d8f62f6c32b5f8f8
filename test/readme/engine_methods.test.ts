import { readFile } from 'node:fs/promises';
import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';

test('the README names every method of the engine', async (t) => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const methods = Object.getOwnPropertyNames(KeyEngine.prototype).filter((name) => name !== 'constructor');
  t.true(methods.length > 25);
  t.deepEqual(
    methods.filter((name) => !readme.includes(`\`${name}\``)),
    [],
  );
});
