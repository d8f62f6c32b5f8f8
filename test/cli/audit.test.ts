import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { HeadsFile } from '../../src/audit/heads_file.ts';
import { anEvent, logFiles, newSigner, openLog, testDirectory } from '../audit/test_log.ts';

const PROGRAM = new URL('../../src/cli/strongroom.ts', import.meta.url).pathname;
const signer = newSigner();

interface Ended {
  readonly code: number;
  readonly output: string;
}

function verify(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, 'audit', 'verify', ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

async function aLog(t: ExecutionContext): Promise<{ directory: string; heads: string; key: string }> {
  const directory = testDirectory(t);
  const beside = testDirectory(t);
  const [heads, key] = [join(beside, 'heads.jsonl'), join(beside, 'key.pem')];
  writeFileSync(key, signer.publicKey.export({ format: 'pem', type: 'spki' }));
  const log = await openLog(directory, signer, { headCopies: [new HeadsFile(heads)] });
  for (let i = 0; i < 5; i++) await log.record(anEvent());
  await log.close();
  return { directory, heads, key };
}

test('a whole log holds: its records, its last head, and the key are told', async (t) => {
  const { directory, heads, key } = await aLog(t);
  const { code, output } = await verify(directory, '--key', key, '--heads', heads);
  t.is(code, 0, output);
  t.regex(output, /5 records in lines 1 to 7/);
  t.regex(output, /covers 6 lines/);
  t.regex(output, /Signed by the key that was given/);
  t.regex(output, /kept elsewhere agree: 1/);
  t.notRegex(output, /hmm/);
});

test('what the log alone cannot show is said', async (t) => {
  const { directory } = await aLog(t);
  const { code, output } = await verify(directory);
  t.is(code, 0);
  t.regex(output, /the key that the log itself names/);
  t.regex(output, /Whether the end was cut off shows only against a head/);
});

test('a changed record ends in 1, with the line', async (t) => {
  const { directory, key } = await aLog(t);
  const [path = ''] = logFiles(directory);
  const lines = readFileSync(path, 'utf8').split('\n');
  lines[2] = (lines[2] ?? '').replace('"k1"', '"k2"');
  writeFileSync(path, lines.join('\n'));
  const { code, output } = await verify(directory, '--key', key);
  t.is(code, 1);
  t.regex(output, /FAIL {2}line 3: .*was changed \(seen at records-0000000000000001\.jsonl:\d\)/);
  t.regex(output, /The audit log does not hold/);
});

test('a cut end ends in 1 against the heads', async (t) => {
  const { directory, heads } = await aLog(t);
  const [path = ''] = logFiles(directory);
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, 3);
  writeFileSync(path, `${lines.join('\n')}\n`);
  t.is((await verify(directory, '--heads', heads)).code, 1);
});

test('files that are not there or not of the kind are a wrong configuration', async (t) => {
  const { directory, heads, key } = await aLog(t);
  for (const args of [
    ['/nowhere/at/all'],
    [directory, '--key', heads],
    [directory, '--key', '/nowhere'],
    [directory, '--heads', key],
    [directory, '--from', '-1'],
  ]) {
    const { code, output } = await verify(...args);
    t.is(code, 78, output);
  }
});
