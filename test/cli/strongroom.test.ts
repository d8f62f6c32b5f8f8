import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { PROGRAM, plainEnvironment } from '../api/running_server.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-cli-'));
test.after.always(() => rmSync(directory, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { env: { ...plainEnvironment(), ...environment }, timeout: 60_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

/** A port that somebody else has. */
async function takenPort(): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

test('version is that of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  t.deepEqual(await run(['version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('env before the first start says what to do, and prints nothing to evaluate', async (t) => {
  const { code, stdout, stderr } = await run(['env', '--data-dir', join(directory, 'none')]);
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(stderr, /run `strongroom start` first/);
});

test('env quotes what a shell would take for something else', async (t) => {
  const path = join(directory, 'quoted');
  mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(path, 'environment.json'), JSON.stringify({ A: "it's $HOME `id` \\" }), { mode: 0o600 });
  const { stdout } = await run(['env', '--data-dir', path]);
  t.is(stdout, "export A='it'\\''s $HOME `id` \\'\n");
  const shell = await new Promise<string>((resolve) => {
    execFile('/bin/sh', ['-c', `${stdout}printf %s "$A"`], (_error, output) => resolve(output));
  });
  t.is(shell, "it's $HOME `id` \\");
});

test('env refuses a secret that others may read', async (t) => {
  const path = join(directory, 'readable');
  mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(path, 'environment.json'), '{}', { mode: 0o600 });
  chmodSync(join(path, 'environment.json'), 0o644);
  const { code, stdout } = await run(['env', '--data-dir', path]);
  t.not(code, 0);
  t.is(stdout, '');
});

test('start tells every wrong setting at once and ends with 78', async (t) => {
  const file = join(directory, 'settings.json');
  writeFileSync(file, JSON.stringify({ hsm: { hosts: 0 }, colour: 'red' }));
  const { code, stdout, stderr } = await run(['start', '--config', file, '--listen', '8443', '--hsm', 'X'], {
    STRONGROOM_LOG_LEVEL: 'loud',
  });
  t.is(code, 78);
  t.is(stdout, '');
  for (const path of ['listen', 'hsm.name', 'hsm.hosts', 'colour', 'log.level']) {
    t.true(stderr.includes(`  ${path}: `), `${path} in ${stderr}`);
  }
  t.true(stderr.includes('STRONGROOM_LOG_LEVEL'));
});

test('start ends with 78 when the data directory is open to others', async (t) => {
  const path = join(directory, 'open');
  mkdirSync(path);
  chmodSync(path, 0o755);
  const { code, stderr } = await run(['start', '--data-dir', path]);
  t.is(code, 78);
  t.regex(stderr, /dataDir: .* set it to 700/);
});

test('start does not run under a debugger', async (t) => {
  const { code, stderr } = await run(['start', '--data-dir', join(directory, 'inspected')], {
    NODE_OPTIONS: '--inspect=0',
  });
  t.is(code, 78);
  t.regex(stderr, /NODE_OPTIONS: Expected no --inspect/);
});

test('start on a port that is taken says whose fault it is, and ends with 69', async (t) => {
  const { port, server } = await takenPort();
  t.teardown(() => server.close());
  const path = join(directory, 'taken');
  const { code, stderr } = await run(['start', '--data-dir', path, '--listen', `127.0.0.1:${port}`]);
  t.is(code, 69);
  t.regex(stderr, new RegExp(`127\\.0\\.0\\.1:${port} is in use by another program`));
});

test('start with a token that is not there ends with 69 and without a stack', async (t) => {
  const pin = join(directory, 'pin');
  writeFileSync(pin, '1234', { mode: 0o600 });
  const file = join(directory, 'token.json');
  const hsm = { module: '/usr/lib/softhsm/libsofthsm2.so', tokenLabel: 'nobody', pinFile: pin };
  writeFileSync(file, JSON.stringify({ dataDir: 'tokenless', hsm }));
  const conf = join(directory, 'softhsm2.conf');
  mkdirSync(join(directory, 'tokens'));
  writeFileSync(conf, `directories.tokendir = ${join(directory, 'tokens')}\n`);
  const { code, stderr } = await run(['start', '--config', file], { SOFTHSM2_CONF: conf });
  t.is(code, 69);
  t.regex(stderr, /no token with the label "nobody"/);
  t.notRegex(stderr, /\n {4}at /);
});

test('an unknown verb or option is refused with the list of those there are', async (t) => {
  for (const args of [['serve'], ['start', '--pin', '1234']]) {
    const { code, stderr } = await run(args);
    t.is(code, 1);
    t.regex(stderr, /unknown (?:command|option)/);
  }
});

test('doctor finds nothing in the way of a first start', async (t) => {
  const { port, server } = await takenPort();
  await new Promise((resolve) => server.close(resolve));
  const { code, stdout } = await run([
    'doctor',
    '--data-dir',
    join(directory, 'fresh'),
    '--listen',
    `localhost:${port}`,
  ]);
  t.is(code, 0, stdout);
  for (const subject of ['versions', 'clock', 'memory', 'files', 'names', 'network', 'ports', 'token']) {
    t.regex(stdout, new RegExp(`^ok {4}${subject} `, 'm'));
  }
  t.regex(stdout, /Nothing stands in the way\.\n$/);
});

test('doctor tells everything that stands in the way, and what to do about it', async (t) => {
  const { port, server } = await takenPort();
  t.teardown(() => server.close());
  const path = join(directory, 'sick');
  mkdirSync(path);
  chmodSync(path, 0o755);
  const file = join(directory, 'sick.json');
  writeFileSync(file, JSON.stringify({ hsm: { module: '/nowhere.so', tokenLabel: 'x', pinFile: '/pin' } }));
  const listen = `127.0.0.1:${port}`;
  const args = [
    'doctor',
    '--config',
    file,
    '--data-dir',
    path,
    '--listen',
    listen,
    '--domain',
    'managedhsm.nowhere.invalid',
  ];
  const { code, stdout } = await run(args);
  t.is(code, 1);
  t.regex(stdout, new RegExp(`FAIL {2}ports +127\\.0\\.0\\.1:${port} is in use by another program\\n.*→ Stop it`));
  t.regex(
    stdout,
    /FAIL {2}names .*cannot be resolved\n.*→ Put into \/etc\/hosts: 127\.0\.0\.1 demo\.managedhsm\.nowhere\.invalid login\.nowhere\.invalid/,
  );
  t.regex(stdout, /FAIL {2}files .* is open to others \(mode 755\)\n.*→ chmod 700/);
  t.regex(stdout, /FAIL {2}token +"x" of \/nowhere\.so: the module does not answer/);
  t.regex(stdout, /4 things stand in the way\.\n$/);
});

test('doctor refuses settings that start would refuse', async (t) => {
  const { code, stderr } = await run(['doctor', '--domain', 'X']);
  t.is(code, 78);
  t.regex(stderr, / {2}domain: /);
});
