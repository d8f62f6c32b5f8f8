import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { PinSource } from '../../src/pool/pin_source.ts';

const directory = await mkdtemp(join(tmpdir(), 'strongroom-pin-source-'));
test.after.always(() => rm(directory, { recursive: true, force: true }));

let files = 0;
async function pinFile(content: string | Uint8Array, mode = 0o600): Promise<string> {
  const path = join(directory, `pin-${++files}`);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

const textOf = (pin: Uint8Array): string => Buffer.from(pin).toString('utf8');
const unavailable = { instanceOf: StrongroomError, code: 'ServiceUnavailable' };

test('a PIN file is read without its line break', async (t) => {
  t.is(textOf(await new PinSource({ file: await pinFile('1234\n') }).read()), '1234');
  t.is(textOf(await new PinSource({ file: await pinFile('1234\r\n', 0o400) }).read()), '1234');
  t.is(textOf(await new PinSource({ file: await pinFile(' 12 34 ') }).read()), ' 12 34 ');
});

test('a changed PIN file is noticed', async (t) => {
  const file = await pinFile('1234');
  const source = new PinSource({ file });
  t.is(textOf(await source.read()), '1234');
  await writeFile(file, '5678');
  t.is(textOf(await source.read()), '5678');
});

for (const mode of [0o644, 0o640, 0o604, 0o660, 0o620, 0o601]) {
  test(`a PIN file of mode ${mode.toString(8)} is refused, and the message says what to do`, async (t) => {
    const source = new PinSource({ file: await pinFile('1234', mode) });
    const error = await t.throwsAsync(source.read(), unavailable);
    t.is((error as StrongroomError).innerCode, 'PinUnavailable');
    t.regex(error?.message ?? '', /0600/);
    t.notRegex(error?.message ?? '', /1234/);
  });
}

test('a PIN file that is missing, empty, too long or a directory is refused', async (t) => {
  const folder = join(directory, 'folder');
  await mkdir(folder, { mode: 0o700 });
  for (const file of [
    join(directory, 'nowhere'),
    await pinFile(''),
    await pinFile('\n'),
    await pinFile('9'.repeat(256)),
    folder,
  ]) {
    const error = await t.throwsAsync(new PinSource({ file }).read(), unavailable);
    t.notRegex(error?.message ?? '', /999/);
  }
  t.is((await new PinSource({ file: await pinFile('9'.repeat(255)) }).read()).length, 255);
});

test('a PIN in the environment is taken once and leaves nothing for child processes', async (t) => {
  process.env.STRONGROOM_TEST_PIN = 'from the environment';
  const source = new PinSource({ environment: 'STRONGROOM_TEST_PIN' });
  t.false('STRONGROOM_TEST_PIN' in process.env);
  t.is(textOf(await source.read()), 'from the environment');
  t.is(textOf(await source.read()), 'from the environment');
  t.throws(() => new PinSource({ environment: 'STRONGROOM_TEST_PIN' }), unavailable);
});

test('a PIN that is zeroised by one reader is whole for the next, and for its owner', async (t) => {
  const value = Buffer.from('1234');
  const source = new PinSource({ value });
  (await source.read()).fill(0);
  t.is(textOf(await source.read()), '1234');
  source.close();
  t.is(textOf(value), '1234');
  await t.throwsAsync(source.read(), { instanceOf: TypeError });
});
