import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { freePort } from '../fixtures/free_port.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = join(ROOT, 'src/cli/strongroom.ts');

/** The block of the README in that language that contains the words. */
async function example(language: string, words: string): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, text = '']) => text,
  );
  const found = blocks.filter((text) => text.includes(words));
  if (found.length !== 1) throw new Error(`README.md has ${found.length} examples in ${language} with "${words}"`);
  return found[0] as string;
}

async function scratchDirectory(t: { teardown(fn: () => unknown): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'strongroom-readme-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('the library example of the README runs as it is', async (t) => {
  const directory = await scratchDirectory(t);
  await mkdir(join(directory, 'tokens'));
  await writeFile(join(directory, 'softhsm2.conf'), `directories.tokendir = ${directory}/tokens\n`);
  const environment = {
    ...process.env,
    SOFTHSM2_CONF: join(directory, 'softhsm2.conf'),
    SO_PIN: 'so-pin-of-readme',
    TOKEN_PIN: 'user-pin-of-readme',
  };
  const setUp = (await example('sh', 'softhsm2-util')).replace('npm install strongroom\n', '');
  await run('bash', ['-euc', setUp], { env: environment });

  const program = (await example('js', "from 'strongroom'")).replace(
    "from 'strongroom'",
    `from '${new URL('../../src/index.ts', import.meta.url)}'`,
  );
  await writeFile(join(directory, 'example.mjs'), program);
  const { stdout } = await run(process.execPath, ['example.mjs'], { cwd: directory, env: environment });
  t.is(stdout, 'true\ntrue\n');
});

test('the SDK example of the README runs as it is, with nothing but the environment', async (t) => {
  const directory = await scratchDirectory(t);
  const dataDirectory = join(directory, 'served');
  const port = await freePort();
  const server = spawn(process.execPath, [
    PROGRAM,
    'start',
    `--data-dir=${dataDirectory}`,
    `--listen=localhost:${port}`,
  ]);
  t.teardown(() => stop(server));
  await readiness(server);

  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  await writeFile(join(directory, 'sign.mjs'), await example('js', '@azure/keyvault-keys'));
  const { stdout } = await run(
    'bash',
    ['-euc', 'eval "$("$0" "$1" env --data-dir "$2")"; "$0" sign.mjs', process.execPath, PROGRAM, dataDirectory],
    { cwd: directory },
  );
  t.regex(stdout, new RegExp(`^https://demo\\.managedhsm\\.localhost:${port}/keys/invoices/[0-9a-f]{32} true\n$`));
});

async function readiness(server: ChildProcess): Promise<void> {
  const said: string[] = [];
  server.stderr?.on('data', (text) => said.push(String(text)));
  if (server.stdout === null) throw new Error('no output');
  for await (const line of createInterface(server.stdout)) {
    if (line.includes('is ready')) return;
    said.push(line);
  }
  throw new Error(`the server did not start: ${said.join('\n')}`);
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  server.kill('SIGTERM');
  await once(server, 'exit');
}
