import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createDataDirectory, dataDirectory } from '../../src/config/data_directory.ts';
import { readClientEnvironment, writeClientEnvironment } from '../../src/config/environment_file.ts';
import { keepPrivateFile, readPrivateFile, writePrivateFile } from '../../src/config/private_file.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-files-'));
test.after.always(() => rmSync(directory, { recursive: true }));
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('a private file is for its owner alone, and nothing else is left behind', async (t) => {
  const path = join(directory, 'secret');
  await writePrivateFile(path, 'one');
  await writePrivateFile(path, 'two');
  t.is(await readPrivateFile(path), 'two');
  t.is(modeOf(path), '600');
  t.deepEqual(
    readdirSync(directory).filter((name) => name.startsWith('secret')),
    ['secret'],
  );
});

test('a private file that cannot be put in its place leaves nothing behind', async (t) => {
  const path = join(directory, 'taken');
  mkdirSync(path);
  await t.throwsAsync(writePrivateFile(path, 'one'), { code: 'EISDIR' });
  t.deepEqual(
    readdirSync(directory).filter((name) => name.startsWith('taken')),
    ['taken'],
  );
});

test('a private file that others may read is refused', async (t) => {
  const path = join(directory, 'open');
  writeFileSync(path, 'x');
  chmodSync(path, 0o640);
  await t.throwsAsync(readPrivateFile(path), { message: /is open to other users \(mode 640\): set it to 600/ });
});

test('a file that is not there is no error, and is made once', async (t) => {
  const path = join(directory, 'kept');
  t.is(await readPrivateFile(path), undefined);
  t.is(await keepPrivateFile(path, () => 'first'), 'first');
  t.is(await keepPrivateFile(path, () => 'second'), 'first');
});

test('a data directory is made for its owner alone', async (t) => {
  const files = dataDirectory(join(directory, 'a', 'b'));
  await createDataDirectory(files);
  await createDataDirectory(files);
  t.is(modeOf(files.path), '700');
  t.is(modeOf(files.tls), '700');
  t.false(existsSync(files.store));
});

test('a data directory that others may enter is refused', async (t) => {
  const files = dataDirectory(join(directory, 'shared'));
  await createDataDirectory(files);
  chmodSync(files.path, 0o755);
  await t.throwsAsync(createDataDirectory(files), {
    name: 'ConfigurationError',
    message: /^dataDir: .* set it to 700/,
  });
});

test('a data directory that cannot be made is a problem of the setting', async (t) => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const error = await t.throwsAsync(createDataDirectory(dataDirectory(join(file, 'x'))), {
    name: 'ConfigurationError',
  });
  t.regex(error?.message ?? '', /^dataDir: .* cannot be made \(ENOTDIR\)/);
});

test('the environment of clients is kept in the order it was given', async (t) => {
  const files = dataDirectory(join(directory, 'environment'));
  await createDataDirectory(files);
  t.is(await readClientEnvironment(files), undefined);
  await writeClientEnvironment(files, { B: '1', A: "it's" });
  t.deepEqual(Object.entries((await readClientEnvironment(files)) ?? {}), [
    ['B', '1'],
    ['A', "it's"],
  ]);
  t.is(modeOf(files.environment), '600');
});
