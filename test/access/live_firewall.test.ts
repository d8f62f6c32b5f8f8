import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { LiveFirewall } from '../../src/access/live_firewall.ts';
import { NetworkRulesError } from '../../src/access/network_rules_file.ts';

const DENY = '{"networkAcls":{"defaultAction":"Deny"}}';
const ALLOW = '{"networkAcls":{"defaultAction":"Allow"}}';

interface Opened {
  readonly path: string;
  readonly firewall: LiveFirewall;
  readonly told: string[];
}

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-rules-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function open(t: ExecutionContext, path: string): Promise<Opened> {
  const told: string[] = [];
  const firewall = await LiveFirewall.open(path, {
    changed: () => told.push('changed'),
    refused: (error) => told.push(`refused: ${error.message}`),
  });
  t.teardown(() => firewall.close());
  return { path, firewall, told };
}

function openFile(t: ExecutionContext, content = DENY): Promise<Opened> {
  const path = join(directoryOf(t), 'rules.json');
  writeFileSync(path, content);
  return open(t, path);
}

function replaceFile(path: string, content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** The test's own time is the deadline. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a file that is written anew is noticed', async (t) => {
  const { path, firewall, told } = await openFile(t);
  const { current } = firewall;
  t.is(current.rules.defaultAction, 'Deny');
  writeFileSync(path, ALLOW);
  await until(() => told.length > 0);
  t.is(firewall.current.rules.defaultAction, 'Allow');
  t.is(current.rules.defaultAction, 'Deny', 'what somebody holds does not change under them');
  t.deepEqual(told, ['changed']);
});

test('another file that takes its place is noticed', async (t) => {
  const { path, firewall, told } = await openFile(t);
  for (const [content, action] of [
    [ALLOW, 'Allow'],
    [DENY, 'Deny'],
  ] as const) {
    replaceFile(path, content);
    await until(() => firewall.current.rules.defaultAction === action);
  }
  t.deepEqual(told, ['changed', 'changed']);
});

test('a link that is turned to another directory is noticed, as orchestrators turn it', async (t) => {
  const directory = directoryOf(t);
  for (const [name, content] of [
    ['first', DENY],
    ['second', ALLOW],
  ] as const) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'rules.json'), content);
  }
  symlinkSync('first', join(directory, '..data'));
  symlinkSync('..data/rules.json', join(directory, 'rules.json'));
  const { firewall } = await open(t, join(directory, 'rules.json'));
  symlinkSync('second', join(directory, '..next'));
  renameSync(join(directory, '..next'), join(directory, '..data'));
  await until(() => firewall.current.rules.defaultAction === 'Allow');
  t.pass();
});

test('a change that nothing tells of is noticed after a while', async (t) => {
  const elsewhere = join(directoryOf(t), 'elsewhere.json');
  writeFileSync(elsewhere, DENY);
  const path = join(directoryOf(t), 'rules.json');
  symlinkSync(elsewhere, path);
  const { firewall } = await open(t, path);
  writeFileSync(elsewhere, ALLOW);
  await until(() => firewall.current.rules.defaultAction === 'Allow');
  t.pass();
});

test.serial('SIGHUP has the file read at once', async (t) => {
  const elsewhere = join(directoryOf(t), 'elsewhere.json');
  writeFileSync(elsewhere, DENY);
  const path = join(directoryOf(t), 'rules.json');
  symlinkSync(elsewhere, path);
  const { firewall, told } = await open(t, path);
  writeFileSync(elsewhere, ALLOW);
  process.kill(process.pid, 'SIGHUP');
  await until(() => told.length > 0);
  t.is(firewall.current.rules.defaultAction, 'Allow');
});

test('a file that will not do changes nothing, is told once, and a good one ends it', async (t) => {
  const { path, firewall, told } = await openFile(t);
  const { current } = firewall;
  const [wrong, torn] = ['{"networkAcls":{"defaultAction":"Perhaps"}}', DENY.slice(0, -1)];
  for (const content of [wrong, torn, '{"networkAcls"', '']) {
    replaceFile(path, content);
    await firewall.look();
    await firewall.look();
    t.is(firewall.current, current);
  }
  t.regex(told[0] ?? '', /networkAcls\.defaultAction: Expected Allow or Deny/);
  t.regex(told[1] ?? '', /file: Expected JSON/);
  t.is(told.length, 2, 'one for each reason');
  replaceFile(path, ALLOW);
  await firewall.look();
  replaceFile(path, torn);
  await firewall.look();
  t.deepEqual(told.slice(2), ['changed', told[1]], 'it is told anew when it had been good meanwhile');
});

test('a file that is gone changes nothing either, and comes back', async (t) => {
  const { path, firewall, told } = await openFile(t);
  const { current } = firewall;
  unlinkSync(path);
  await firewall.look();
  t.is(firewall.current, current);
  t.regex(told.join(), /^refused: .*cannot be read \(ENOENT\)/);
  replaceFile(path, DENY);
  await firewall.look();
  t.is(firewall.current, current, 'with what it had it is the one of before');
});

test('a file that is too long changes nothing', async (t) => {
  const { path, firewall, told } = await openFile(t);
  replaceFile(path, `${ALLOW}${' '.repeat(1024 * 1024)}`);
  await firewall.look();
  t.is(firewall.current.rules.defaultAction, 'Deny');
  t.regex(told.join(), /more than 1048576 bytes/);
});

test('without good rules it does not open', async (t) => {
  const directory = directoryOf(t);
  const path = join(directory, 'rules.json');
  await t.throwsAsync(open(t, path), { instanceOf: NetworkRulesError, message: /ENOENT/ });
  writeFileSync(path, '{}x');
  await t.throwsAsync(open(t, path), { instanceOf: NetworkRulesError });
  await t.throwsAsync(open(t, directory), { instanceOf: NetworkRulesError, message: /EISDIR/ });
});

test('closed, it notices nothing any more', async (t) => {
  const { path, firewall, told } = await openFile(t);
  const listeners = process.listenerCount('SIGHUP');
  firewall.close();
  t.is(process.listenerCount('SIGHUP'), listeners - 1);
  replaceFile(path, ALLOW);
  const other = await open(t, path);
  replaceFile(path, DENY);
  await until(() => other.told.length > 0);
  t.deepEqual(told, []);
});
