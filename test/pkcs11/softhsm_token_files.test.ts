import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { inspectTokens, startProvisioning } from '../../src/pkcs11/provisioning.ts';
import { writeSoftHsmConfiguration } from '../../src/pkcs11/softhsm_configuration.ts';
import { mendSoftHsmTokenFiles, mendSoftHsmTokens } from '../../src/pkcs11/softhsm_token_files.ts';
import { SOFTHSM_MODULE } from './softhsm_token.ts';

const LABEL = 'token of tests';

interface Tokens {
  readonly directory: string;
  readonly copies: string;
  /** What SoftHSM rewrites at each login. */
  readonly file: string;
  isThere(): Promise<boolean>;
}

async function makeToken(t: ExecutionContext): Promise<Tokens> {
  const root = await mkdtemp(join(tmpdir(), 'strongroom-token-files-'));
  t.teardown(() => rm(root, { recursive: true }));
  const path = join(root, 'softhsm2.conf');
  const directory = join(root, 'tokens');
  await writeSoftHsmConfiguration({ path, tokenDirectory: directory });
  const environment = { SOFTHSM2_CONF: path };
  const pins = { soPin: Buffer.from('so-pin-of-tests'), userPin: Buffer.from('user-pin-of-tests') };
  await startProvisioning({ module: SOFTHSM_MODULE, environment, label: LABEL, ...pins });
  const [name] = await readdir(directory);
  return {
    directory,
    copies: join(root, 'copies'),
    file: join(directory, name ?? '', 'token.object'),
    // SoftHSM is not sure to survive a file that was cut off.
    isThere: () =>
      inspectTokens({ module: SOFTHSM_MODULE, environment }).then(
        (found) => found.some(({ label }) => label === LABEL),
        () => false,
      ),
  };
}

test('a token whose file was cut off is whole again, and was not there without that', async (t) => {
  const { directory, copies, file, isThere } = await makeToken(t);
  await mendSoftHsmTokens(directory, copies);
  const whole = await readFile(file);
  for (const length of [0, 8, whole.length - 1]) {
    await truncate(file, length);
    t.false(await isThere(), `${length} bytes`);
    await mendSoftHsmTokens(directory, copies);
    t.deepEqual(await readFile(file), whole);
    t.true(await isThere());
    t.is((await stat(file)).mode & 0o777, 0o600);
  }
});

test('what has changed in the file since is kept, and is what comes back', async (t) => {
  const { directory, copies, file } = await makeToken(t);
  await mendSoftHsmTokens(directory, copies);
  const changed = await readFile(file);
  changed.fill(1, changed.length - 8);
  await writeFile(file, changed);
  await mendSoftHsmTokens(directory, copies);
  t.deepEqual(await readFile(file), changed);
  await truncate(file, 0);
  await mendSoftHsmTokens(directory, copies);
  t.deepEqual(await readFile(file), changed);
});

test('files of objects that were never written are removed, and nothing else is', async (t) => {
  const { directory, copies, file, isThere } = await makeToken(t);
  const folder = dirname(file);
  const before = (await readdir(folder)).toSorted();
  t.true(before.filter((name) => name.endsWith('.object')).length > 1);
  for (const [name, length] of [
    ['empty', 0],
    ['numbered', 8],
  ] as const) {
    await writeFile(join(folder, `${name}.object`), Buffer.alloc(length));
    await writeFile(join(folder, `${name}.lock`), '');
  }
  await mendSoftHsmTokens(directory, copies);
  t.deepEqual((await readdir(folder)).toSorted(), before);
  t.true(await isThere());
});

test('while others have the token open its file is mended, and objects that are being written are left alone', async (t) => {
  const { directory, copies, file } = await makeToken(t);
  await mendSoftHsmTokenFiles(directory, copies);
  const whole = await readFile(file);
  const object = join(dirname(file), 'empty.object');
  await writeFile(object, '');
  await truncate(file, 0);
  await mendSoftHsmTokenFiles(directory, copies);
  t.deepEqual(await readFile(file), whole);
  t.is((await stat(object)).size, 0);
});

test('where no copy can be kept nobody is told that the token is in order', async (t) => {
  const { directory, copies, file } = await makeToken(t);
  await mendSoftHsmTokenFiles(directory, copies);
  const [copy = ''] = await readdir(copies);
  await mkdir(join(copies, `${copy}.new`));
  await t.throwsAsync(mendSoftHsmTokenFiles(directory, copies), { code: 'EISDIR' });
  t.true((await readFile(file)).length > 0);
});

test('a token that was never whole stays as it is', async (t) => {
  const { directory, copies, file } = await makeToken(t);
  await truncate(file, 0);
  await mendSoftHsmTokens(directory, copies);
  t.is((await readFile(file)).length, 0);
});
