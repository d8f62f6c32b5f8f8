import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { syncSoftHsmTokens } from '../../src/pkcs11/softhsm_token_sync.ts';
import { testDirectory } from '../audit/test_log.ts';
import { DISK_FAULTS, DiskFaults } from '../disk_faults/disk_faults.ts';

test.before(() => access(DISK_FAULTS));

const MODULE = new URL('../../src/pkcs11/softhsm_token_sync.ts', import.meta.url).href;
/** Does what each line says, and syncs after it. */
const PROGRAM = `
  import { createInterface } from 'node:readline';
  const { SoftHsmTokenSync } = await import(${JSON.stringify(MODULE)});
  const { rmSync, writeFileSync } = await import('node:fs');
  const sync = new SoftHsmTokenSync(process.argv[1]);
  for await (const line of createInterface({ input: process.stdin })) {
    const [what, path] = line.split(' ');
    if (what === 'write') writeFileSync(path, 'object');
    if (what === 'remove') rmSync(path);
    await sync.sync();
  }
`;
const LONG_AGO = new Date('2026-01-01');

interface Token {
  readonly directory: string;
  readonly path: (name: string) => string;
  /** What is brought to disk, one list for each sync: after each change one. */
  readonly synced: (...changes: readonly string[]) => string[][];
}

function makeToken(t: ExecutionContext): Token {
  const directory = testDirectory(t);
  const faults = new DiskFaults(testDirectory(t));
  t.teardown(() => faults.close());
  const path = (name: string): string => join(directory, 'token', name);
  mkdirSync(join(directory, 'token'));
  for (const name of ['token.object', 'generation', 'old.object', 'old.lock']) {
    writeFileSync(path(name), 'object');
    utimesSync(path(name), LONG_AGO, LONG_AGO);
  }
  faults.watch(directory);
  const synced = (...changes: readonly string[]): string[][] => {
    faults.begin();
    const input = changes.map((change) => `${change}\n`).join('');
    const options = { env: { ...faults.environment, PATH: process.env.PATH }, input };
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM, directory], options);
    t.is(status, 0, stderr.toString());
    const names = faults.calls().flatMap(({ kind, path: each }) => (kind === 'sync' ? each.replace('token/', '') : []));
    // The directory of the token comes last, but for the one around it, which is not watched.
    const ends = names.flatMap((name, index) => (name === 'token' ? [index + 1] : []));
    return ends.map((end, index) => names.slice(ends[index - 1] ?? 0, end).toSorted());
  };
  return { directory, path, synced };
}

test('everything that a token consists of is brought to disk', (t) => {
  const { synced } = makeToken(t);
  t.deepEqual(synced('look'), [['generation', 'old.object', 'token', 'token.object']]);
});

test('an object that was brought there before is not looked at again, and what is written to all the time is', (t) => {
  const { synced, path } = makeToken(t);
  t.deepEqual(synced('look', 'look', `write ${path('new.object')}`).slice(1), [
    ['generation', 'token', 'token.object'],
    ['generation', 'new.object', 'token', 'token.object'],
  ]);
});

test('an object that is new may be written to yet, and is brought there each time', (t) => {
  const { synced, path } = makeToken(t);
  t.deepEqual(synced(`write ${path('new.object')}`, `write ${path('new.object')}`).slice(1), [
    ['generation', 'new.object', 'token', 'token.object'],
  ]);
});

test('one that takes the name of another which has gone is an object like any other', (t) => {
  const { synced, path } = makeToken(t);
  const [, , last] = synced('look', `remove ${path('old.object')}`, `write ${path('old.object')}`);
  t.deepEqual(last, ['generation', 'old.object', 'token', 'token.object']);
});

test('tokens that are not there cannot be brought to disk', async (t) => {
  const directory = testDirectory(t);
  rmSync(directory, { recursive: true });
  await t.throwsAsync(syncSoftHsmTokens(directory), { code: 'ENOENT' });
});
