import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { PinGuard } from '../../src/pool/pin_guard.ts';

const directory = await mkdtemp(join(tmpdir(), 'strongroom-pin-guard-'));
test.after.always(() => rm(directory, { recursive: true, force: true }));

const SERIAL = '7add91a30b3171a6';
const pin = (text: string): Uint8Array => Buffer.from(text);
const refused = { instanceOf: StrongroomError, code: 'ServiceUnavailable', message: /not sent again/ };

test('a PIN that was refused is not admitted again, nor after a restart', async (t) => {
  const state = join(directory, 'restart');
  const guard = await PinGuard.open(state);
  await guard.admit(SERIAL, pin('1234'));
  await guard.refused(SERIAL, pin('1234'));
  const again = await PinGuard.open(state);
  for (const each of [guard, again]) {
    const error = await t.throwsAsync(each.admit(SERIAL, pin('1234')), refused);
    t.is((error as StrongroomError).innerCode, 'PinRefused');
    t.notRegex(error?.message ?? '', /1234/);
    await t.notThrowsAsync(each.admit(SERIAL, pin('5678')), 'another PIN is');
    await t.notThrowsAsync(each.admit('another token', pin('1234')), 'and so is the same one for another token');
  }
});

test('every refused PIN is remembered, not the last alone', async (t) => {
  const guard = await PinGuard.open(join(directory, 'several'));
  for (const each of ['1', '2', '3']) await guard.refused(SERIAL, pin(each));
  for (const each of ['1', '2', '3']) await t.throwsAsync(guard.admit(SERIAL, pin(each)), refused);
});

test('what is on disk is for the owner alone and does not tell the PIN', async (t) => {
  const state = join(directory, 'files');
  const guard = await PinGuard.open(state);
  await guard.refused(SERIAL, pin('secret-pin'));
  t.is((await stat(state)).mode & 0o777, 0o700);
  for (const name of await readdir(state)) {
    t.is((await stat(join(state, name))).mode & 0o777, 0o600, name);
    t.false((await readFile(join(state, name))).includes('secret-pin'));
  }
});

test('the same PIN leaves another mark in another state directory', async (t) => {
  const marks: string[] = [];
  for (const name of ['one', 'two']) {
    const guard = await PinGuard.open(join(directory, name));
    await guard.refused(SERIAL, pin('1234'));
    marks.push((await readFile(join(directory, name, 'refused_pins'))).toString('hex'));
  }
  t.is(marks[0]?.length, 64);
  t.not(marks[0], marks[1]);
});

test('an operator who removes the marks has the PIN admitted again', async (t) => {
  const state = join(directory, 'removed');
  const guard = await PinGuard.open(state);
  await guard.refused(SERIAL, pin('1234'));
  await rm(join(state, 'refused_pins'));
  await t.notThrowsAsync(guard.admit(SERIAL, pin('1234')));
});

test('a damaged key file is refused instead of forgetting what it protected', async (t) => {
  const state = join(directory, 'damaged');
  await PinGuard.open(state);
  await writeFile(join(state, 'pin_mark.key'), 'short');
  await t.throwsAsync(PinGuard.open(state), { instanceOf: StrongroomError, message: /damaged/ });
});
