import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { inspectTokens } from '../../src/pkcs11/provisioning.ts';
import { writeSoftHsmConfiguration } from '../../src/pkcs11/softhsm_configuration.ts';
import { SOFTHSM_MODULE } from './softhsm_token.ts';

let directory: string;
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strongroom-softhsm-'));
});
test.after.always(() => rm(directory, { recursive: true, force: true }));

test('SoftHSM starts with the written file and offers the mechanisms that are used, and no more', async (t) => {
  const path = join(directory, 'whole', 'softhsm2.conf');
  await writeSoftHsmConfiguration({ path, tokenDirectory: join(directory, 'whole', 'tokens of a pool') });
  const [token] = await inspectTokens({ module: SOFTHSM_MODULE, environment: { SOFTHSM2_CONF: path } });
  const unused = new Set<number>([MECHANISM.CKM_SHA_1, MECHANISM.CKM_SHA384, MECHANISM.CKM_SHA512]);
  const ascending = (one: number, other: number): number => one - other;
  const offered = token?.mechanisms.map(({ type }) => type).sort(ascending);
  const used = Object.values(MECHANISM).filter((mechanism) => !unused.has(mechanism));
  t.deepEqual(offered, used.sort(ascending));
});

test('tokens and configuration are the owner’s alone', async (t) => {
  const path = join(directory, 'modes', 'softhsm2.conf');
  const tokenDirectory = join(directory, 'modes', 'tokens');
  await writeSoftHsmConfiguration({ path, tokenDirectory });
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.is((await stat(tokenDirectory)).mode & 0o777, 0o700);
});

test('a file that is there is replaced as a whole', async (t) => {
  const path = join(directory, 'softhsm2.conf');
  await writeFile(path, 'directories.tokendir = /elsewhere\n'.repeat(50));
  await writeSoftHsmConfiguration({ path, tokenDirectory: join(directory, 'tokens') });
  const lines = (await readFile(path, 'utf8')).split('\n');
  t.is(lines[0], `directories.tokendir = ${join(directory, 'tokens')}`);
  t.true(lines.includes('slots.removable = false') && lines.includes('log.level = ERROR'));
  t.false(lines.some((line) => line.includes('/elsewhere')));
});

test('a token directory that the file cannot hold is refused', async (t) => {
  const path = join(directory, 'refused.conf');
  for (const tokenDirectory of [
    'relative/tokens',
    `${directory}/a#b`,
    `${directory}/a\nslots.removable = true`,
    `${directory}/a `,
  ]) {
    await t.throwsAsync(writeSoftHsmConfiguration({ path, tokenDirectory }), {
      instanceOf: StrongroomError,
      code: 'BadParameter',
    });
  }
  await t.throwsAsync(stat(path), { code: 'ENOENT' });
});
