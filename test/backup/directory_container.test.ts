import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DirectoryContainer } from '../../src/backup/directory_container.ts';
import { refused } from '../fixtures/refused.ts';
import { testUnless } from '../fixtures/test_unless.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-directory-'));
test.after.always(() => {
  if (isMounted) spawnSync('umount', [smallDisk]);
  rmSync(root, { recursive: true, force: true });
});

test('what is written is read as a whole, and what is not there is not there', async (t) => {
  const directory = join(root, 'plain');
  mkdirSync(directory);
  const container = new DirectoryContainer(directory);
  const bytes = randomBytes(100_000);
  await container.write('a/b/one', bytes);
  t.deepEqual(Buffer.from((await container.read('a/b/one', bytes.length)) ?? []), bytes);
  t.is((await container.read('a/b/one', 10))?.length, 11, 'one more than is wanted shows that it is longer');
  t.is(await container.read('a/b/two', 10), undefined);
  t.deepEqual(readdirSync(join(directory, 'a/b')), ['one']);
});

test('a folder that is there is not written into by another backup', async (t) => {
  const directory = join(root, 'taken');
  mkdirSync(directory);
  const [one, other] = [new DirectoryContainer(directory), new DirectoryContainer(directory)];
  await one.write('a/b/one', randomBytes(3));
  await refused(t, other.write('a/b/one', randomBytes(3)), 'Conflict', 'StorageTaken');
  await refused(t, other.write('a/b/two', randomBytes(3)), 'Conflict', 'StorageTaken');
  await one.write('a/b/two', randomBytes(3));
  await other.write('a/c/one', randomBytes(3));
  t.deepEqual(readdirSync(join(directory, 'a/b')).toSorted(), ['one', 'two']);
});

test('a link that somebody has put there is not followed', async (t) => {
  const directory = join(root, 'links');
  mkdirSync(directory);
  writeFileSync(join(root, 'secret'), 'secret');
  symlinkSync(join(root, 'secret'), join(directory, 'manifest.json'));
  await refused(
    t,
    new DirectoryContainer(directory).read('manifest.json', 100),
    'ServiceUnavailable',
    'StorageUnavailable',
  );
});

test('a directory that is not there or not ours to write to is told as that', async (t) => {
  const nowhere = new DirectoryContainer(join(root, 'nowhere'));
  await refused(t, nowhere.check(), 'NotFound', 'StorageNotFound');
  await refused(t, nowhere.write('x', randomBytes(3)), 'NotFound', 'StorageNotFound');
  await refused(t, nowhere.read('x', 3), 'NotFound', 'StorageNotFound');
  if (process.getuid?.() === 0) return;
  const directory = join(root, 'closed');
  mkdirSync(directory);
  chmodSync(directory, 0o500);
  await refused(t, new DirectoryContainer(directory).check(), 'Forbidden', 'StorageAccessDenied');
  await refused(t, new DirectoryContainer(directory).write('x', randomBytes(3)), 'Forbidden', 'StorageAccessDenied');
});

const smallDisk = join(root, 'full');
mkdirSync(smallDisk);
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', smallDisk]).status === 0;

testUnless(isMounted ? undefined : 'none can be mounted')(
  'a disk that is full is told as that, and nothing of the part is left',
  async (t) => {
    const container = new DirectoryContainer(smallDisk);
    await container.check();
    await container.write('backup/small', randomBytes(1_000));
    const error = await refused(
      t,
      container.write('backup/large', randomBytes(1_000_000)),
      'ServiceUnavailable',
      'StorageFull',
    );
    t.is(error.message, 'The storage is full (ENOSPC).');
    t.deepEqual(readdirSync(join(smallDisk, 'backup')), ['small']);
  },
);
