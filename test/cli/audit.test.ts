import { execFile, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
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

function audit(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, 'audit', ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

const verify = (...args: string[]): Promise<Ended> => audit('verify', ...args);

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

test.serial('a whole log holds: its records, its last head, and the key are told', async (t) => {
  const { directory, heads, key } = await aLog(t);
  const { code, output } = await verify(directory, '--key', key, '--heads', heads);
  t.is(code, 0, output);
  t.regex(output, /5 records in lines 1 to 7/);
  t.regex(output, /covers 6 lines/);
  t.regex(output, /Signed by the key that was given/);
  t.regex(output, /kept elsewhere agree: 1/);
  t.notRegex(output, /hmm/);
});

test.serial('what the log alone cannot show is said', async (t) => {
  const { directory } = await aLog(t);
  const { code, output } = await verify(directory);
  t.is(code, 0);
  t.regex(output, /the key that the log itself names/);
  t.regex(output, /Whether the end was cut off shows only against a head/);
});

test.serial('a changed record ends in 1, with the line', async (t) => {
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

test.serial('a cut end ends in 1 against the heads', async (t) => {
  const { directory, heads } = await aLog(t);
  const [path = ''] = logFiles(directory);
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, 3);
  writeFileSync(path, `${lines.join('\n')}\n`);
  t.is((await verify(directory, '--heads', heads)).code, 1);
});

test.serial('files that are not there or not of the kind are a wrong configuration', async (t) => {
  const { directory, heads, key } = await aLog(t);
  for (const args of [
    ['/nowhere/at/all'],
    [directory, '--key', heads],
    [directory, '--key', '/nowhere'],
    [directory, '--heads', key],
    [directory, '--from', '-1'],
    [directory, '--head', '{}'],
    [directory, '--to', 'x'],
  ]) {
    const { code, output } = await verify(...args);
    t.is(code, 78, output);
  }
});

test.serial('a range holds without the lines before it, and not where it is not there', async (t) => {
  const { directory, heads, key } = await manyFiles(t);
  rmSync(logFiles(directory)[0] ?? '');
  t.is((await verify(directory, '--key', key)).code, 1);
  t.is((await verify(directory, '--key', key, '--from', '20', '--to', '24', '--heads', heads)).code, 0);
  const late = await verify(directory, '--key', key, '--from', '20', '--to', '4000');
  t.is(late.code, 1);
  t.regex(late.output, /the log ends with line/);
});

test.serial('a head can be given as it is', async (t) => {
  const { directory, heads } = await aLog(t);
  const [head = ''] = readFileSync(heads, 'utf8').split('\n');
  const { code, output } = await verify(directory, '--head', head);
  t.is(code, 0);
  t.regex(output, /kept elsewhere agree: 1/);
});

test.serial('the last records are shown, over files and for a person or a program', async (t) => {
  const { directory } = await manyFiles(t);
  const { code, output } = await audit('tail', directory, '--lines', '12');
  t.is(code, 0);
  const lines = output.trimEnd().split('\n');
  t.is(lines.length, 12);
  t.regex(
    lines[11] ?? '',
    /^2023-11-14T22:13:20.123Z {2}#\d+ {2}KeySign Success {2}200 {2}k1\/0123456789abcdef0123456789abcdef {2}ES256 {2}oid-1 {2}192.0.2.7 {2}1 ms {2}r30$/,
  );
  const json = await audit('tail', directory, '-n', '1', '--json');
  t.is(JSON.parse(json.output).properties.requestId, 'r30');
});

test.serial('records are shown as they are written, also in the next file', async (t) => {
  const directory = testDirectory(t);
  const log = await openLog(directory, signer, { fileBytes: 3_000 });
  const following = spawn(process.execPath, [PROGRAM, 'audit', 'tail', directory, '--follow']);
  t.teardown(() => following.kill());
  let output = '';
  following.stdout.on('data', (chunk: Buffer) => {
    output += String(chunk);
  });
  for (let i = 0; i < 12; i++) {
    await log.record(anEvent({ requestId: `request-${i}-` }));
    while (!output.includes(`request-${i}-`)) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.true(logFiles(directory).length > 2);
  t.is(output.trimEnd().split('\n').length, 12);
  await log.close();
});

const SEARCHES: readonly [what: string, args: readonly string[], found: number][] = [
  ['a key', ['--key', 'k7'], 1],
  ['a principal, whatever the case', ['--principal', 'OID-1'], 30],
  ['an application', ['--principal', 'app-1'], 30],
  ['an operation', ['--operation', 'KeyDelete'], 10],
  ['a result', ['--result', 'AccessDenied'], 6],
  ['the reason behind a result', ['--result', 'KeyDisabled'], 6],
  ['a request', ['--request', 'r3'], 1],
  ['a time on', ['--since', '2023-11-14T22:13:21Z'], 29],
  ['up to a time', ['--until', '2023-11-14T22:13:21Z'], 1],
  ['several conditions', ['--operation', 'KeySign', '--result', 'Success', '--limit', '3'], 3],
];

for (const [what, args, found] of SEARCHES) {
  test.serial(`records are found by ${what}, over all files`, async (t) => {
    const directory = testDirectory(t);
    const log = await openLog(directory, signer, { fileBytes: 9_000 });
    for (let i = 1; i <= 30; i++) {
      await log.record(
        anEvent({
          requestId: `r${i}`,
          keyName: `k${i}`,
          timeMs: 1_700_000_000_123 + (i - 1) * 1000,
          ...(i % 3 === 0 && { operation: 'KeyDelete' }),
          ...(i % 5 === 0 && { result: 'AccessDenied', innerCode: 'KeyDisabled', httpStatus: 403 }),
        }),
      );
    }
    await log.close();
    const { code, output } = await audit('search', directory, '--json', ...args);
    t.is(code, 0);
    t.is(output.trimEnd().split('\n').length, found);
  });
}

test.serial('a search that finds nothing ends in 1, and one for what is no time in 78', async (t) => {
  const { directory } = await aLog(t);
  t.deepEqual(await audit('search', directory, '--key', 'nobody'), { code: 1, output: '' });
  t.is((await audit('search', directory, '--since', 'yesterday')).code, 78);
  t.is((await audit('tail', directory, '--lines', '0')).code, 78);
});

test.serial('what a caller wrote moves no cursor', async (t) => {
  const directory = testDirectory(t);
  const log = await openLog(directory, signer);
  await log.record(anEvent({ requestId: '\u001b[2J' }));
  await log.close();
  const { output } = await audit('tail', directory);
  t.true(output.includes('?[2J'));
});

test.serial('one line is proved to somebody who has the key and nothing else of the log', async (t) => {
  const { directory, key } = await manyFiles(t);
  const proof = join(testDirectory(t), 'proof.json');
  const proved = await audit('prove', directory, '--line', '17');
  t.is(proved.code, 0);
  writeFileSync(proof, proved.output);
  const confirmed = await audit('confirm', proof, '--key', key);
  t.is(confirmed.code, 0);
  t.regex(confirmed.output, /"sequence":17,/);
  writeFileSync(proof, proved.output.replace('KeySign', 'KeyBack'));
  t.is((await audit('confirm', proof, '--key', key)).code, 1);
  writeFileSync(proof, '{}');
  t.is((await audit('confirm', proof, '--key', key)).code, 78);
  t.is((await audit('prove', directory, '--line', '4000')).code, 1);
});

async function manyFiles(t: ExecutionContext): Promise<{ directory: string; heads: string; key: string }> {
  const directory = testDirectory(t);
  const beside = testDirectory(t);
  const [heads, key] = [join(beside, 'heads.jsonl'), join(beside, 'key.pem')];
  writeFileSync(key, signer.publicKey.export({ format: 'pem', type: 'spki' }));
  const options = { fileBytes: 9_000, headEvery: { records: 7, ms: 60_000 }, headCopies: [new HeadsFile(heads)] };
  const log = await openLog(directory, signer, options);
  for (let i = 1; i <= 30; i++) await log.record(anEvent({ requestId: `r${i}` }));
  await log.close();
  return { directory, heads, key };
}
