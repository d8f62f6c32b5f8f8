import { spawnSync } from 'node:child_process';
import { linkSync, readFileSync, writeFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { testDirectory } from '../audit/test_log.ts';
import { DISK_FAULTS, DiskFaults } from './disk_faults.ts';

test.before(() => access(DISK_FAULTS));

/** Writes ten bytes to a file by two calls, and answers which errors there were. */
const PROGRAM = `
  const fs = require('node:fs');
  const { errno } = require('node:os').constants;
  const codes = [];
  const nameOf = (number) => Object.keys(errno).find((name) => errno[name] === -number);
  const attempt = (work) => { try { return work(); } catch (error) { codes.push(nameOf(error.errno)); } };
  const file = fs.openSync(process.argv[1], 'r+');
  attempt(() => fs.writeFileSync(file, '01234'));
  attempt(() => fs.fsyncSync(file));
  attempt(() => fs.writeFileSync(file, '56789'));
  attempt(() => fs.renameSync(process.argv[1], process.argv[1] + '.new'));
  attempt(() => fs.unlinkSync(process.argv[1] + (fs.existsSync(process.argv[1]) ? '' : '.new')));
  process.stdout.write(codes.join());
`;
const CALLS = ['write', 'fsync', 'write', 'rename', 'unlink'];
const WELL = { error: 'ENOSPC', short: false, extent: 'once' } as const;

for (const [title, fault, codes] of [
  ['a disk that is well takes everything', undefined, ''],
  ['one call fails, and those after it do not', { ...WELL, nth: 2 }, 'ENOSPC'],
  [
    'a full disk takes nothing more, and lets go of what it has',
    { ...WELL, nth: 1, extent: 'lasting' },
    'ENOSPC,ENOSPC,ENOSPC,ENOSPC',
  ],
  ['a broken one does neither', { ...WELL, nth: 3, error: 'EIO', extent: 'lasting' }, 'EIO,EIO,EIO'],
  ['a quota that is used up is one more reason', { ...WELL, nth: 4, error: 'EDQUOT' }, 'EDQUOT'],
] as const) {
  test(title, (t) => {
    const { faults, path } = watchedFile(t);
    faults.begin(fault);
    t.is(runProgram(path, faults), codes);
    const failed = faults.calls().filter(({ outcome }) => outcome !== 'done');
    t.is(faults.faults, failed.length);
    t.is(failed.length, codes === '' ? 0 : codes.split(',').length);
    if (fault === undefined)
      t.deepEqual(
        faults.calls().map(({ call }) => call),
        CALLS,
      );
  });
}

for (const [title, extent, kept, codes] of [
  ['a short write is gone on with', 'once', '0123456789', ''],
  ['of a short write on a disk that stays full half is there', 'lasting', '01', 'ENOSPC,ENOSPC,ENOSPC,ENOSPC'],
] as const) {
  test(title, (t) => {
    const { faults, path } = watchedFile(t);
    // A copy that no watch is on.
    const link = join(testDirectory(t), 'link');
    linkSync(path, link);
    faults.begin({ nth: 1, error: 'ENOSPC', extent, short: true });
    t.is(runProgram(path, faults), codes);
    t.is(readFileSync(link, 'utf8'), kept);
  });
}

test('a short write of a stream of the C library is gone on with, too', (t) => {
  const { faults, path } = watchedFile(t);
  faults.begin({ nth: 1, error: 'ENOSPC', extent: 'once', short: true });
  const program = `BEGIN { printf "0123456789" > "${path}" }`;
  const { status } = spawnSync('awk', [program], { env: { ...faults.environment, PATH: process.env.PATH } });
  t.is(status, 0);
  t.is(readFileSync(path, 'utf8'), '0123456789');
  t.deepEqual(
    faults.calls().map(({ call, outcome }) => `${call} ${outcome}`),
    ['write short', 'write done'],
  );
});

function watchedFile(t: ExecutionContext): { readonly faults: DiskFaults; readonly path: string } {
  const directory = testDirectory(t);
  const faults = new DiskFaults(testDirectory(t));
  t.teardown(() => faults.close());
  faults.watch(directory);
  const path = join(directory, 'file');
  writeFileSync(path, '');
  return { faults, path };
}

/** As a program that another one has started, with nothing of this in its environment. */
function runProgram(path: string, { environment }: DiskFaults): string {
  const start = `require('node:child_process').spawnSync(process.execPath, process.argv.slice(1), { env: {}, stdio: 'inherit' })`;
  const { stdout } = spawnSync(process.execPath, ['-e', start, '--', '-e', PROGRAM, '--', path], { env: environment });
  return stdout.toString();
}
