import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { type Answer, PROGRAM, plainEnvironment, RunningServer } from './running_server.ts';
import { objectsOfToken, POOL_KEY_OBJECTS } from './token_objects.ts';

const HOSTS = { STRONGROOM_HSM_HOSTS: '1' };
const THIRD = 'strongroom-3';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const argumentsFor = (dataDir: string, tokens: number, args: readonly string[]): string[] => [
  PROGRAM,
  ...args,
  '--data-dir',
  dataDir,
  '--tokens',
  String(tokens),
];

function strongroom(dataDir: string, tokens: number, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: plainEnvironment(), timeout: 120_000 };
    execFile(process.execPath, argumentsFor(dataDir, tokens, args), options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

/** Of custodians that a development start has made. */
function quorum(dataDir: string): string[] {
  const at = (name: string): string => join(dataDir, 'security_domain', name);
  return ['--file', at('domain.json'), '--key', at('custodian_1.key'), '--key', at('custodian_3.key')];
}

async function stateOf(server: RunningServer, name: string): Promise<unknown> {
  return (await server.get(`/tokens/${name}`)).json.state;
}

let server: RunningServer;
let strangers: RunningServer;
test.before(async () => {
  server = await RunningServer.start({ ...HOSTS, STRONGROOM_HSM_OWN_TOKENS: '2' });
  strangers = await RunningServer.start(HOSTS);
  await Promise.all([server.stop(), strangers.stop()]);
});
test.after.always(() => Promise.all([server?.remove(), strangers?.remove()]));

const add = (...args: string[]): Promise<Ended> => strongroom(server.dataDir, 3, 'token', 'add', THIRD, ...args);

test.serial(
  'after the lock a further token gets no pool keys by itself, and is told so when it is added',
  async (t) => {
    const locked = await strongroom(server.dataDir, 2, 'security-domain', 'lock', '--yes');
    t.is(locked.code, 0, locked.stderr);
    await server.restart({ STRONGROOM_HSM_OWN_TOKENS: '3' });
    t.is(await stateOf(server, THIRD), 'failed');
    const { code, stderr } = await add();
    t.is(code, 69);
    t.regex(stderr, /are locked in the other tokens.*a quorum of custodians/);
  },
);

test.serial(
  'less than a quorum, half of what it takes, and the domain of other pool keys, leave nothing in the token',
  async (t) => {
    const [file, domain, ...keys] = quorum(server.dataDir) as [string, string, ...string[]];
    for (const [args, complaint] of [
      [[file, domain, ...keys.slice(0, 2)], /takes 2 of its custodians, and there are 1/],
      [[file, domain], /--key: Expected keys of custodians as well/],
      [keys, /--file: Expected the security domain as well/],
      [
        quorum(strangers.dataDir),
        /The security domain has other pool keys than the pool \(kek, seal, audit, attestation\)/,
      ],
    ] as const) {
      const { code, stderr } = await add(...args);
      t.not(code, 0);
      t.regex(stderr, complaint);
    }
    t.is(objectsOfToken(server.dataDir, 3), 0);
    const unknown = await strongroom(server.dataDir, 3, 'token', 'add', 'stranger');
    t.regex(unknown.stderr, /one that is configured \(strongroom, strongroom-2, strongroom-3\).*"stranger"/);
  },
);

test.serial(
  'a quorum brings the keys in, also after an attempt that was killed, and the server takes the token in',
  async (t) => {
    const args = argumentsFor(server.dataDir, 3, ['token', 'add', THIRD, ...quorum(server.dataDir)]);
    const killed = spawn(process.execPath, args, { env: plainEnvironment(), detached: true, stdio: 'ignore' });
    const ended = new Promise((resolve) => killed.once('exit', resolve));
    while (objectsOfToken(server.dataDir, 3) === 0 && killed.exitCode === null) await pause(1);
    process.kill(-(killed.pid as number), 'SIGKILL');
    await ended;
    t.log(`killed with ${objectsOfToken(server.dataDir, 3)} objects in the token`);

    const { code, stdout, stderr } = await add(...quorum(server.dataDir));
    t.is(code, 0, stderr);
    t.regex(stdout, /has the pool keys (?:now, locked|already)\.\nThe server has taken strongroom-3 in\./);
    t.is(objectsOfToken(server.dataDir, 3), POOL_KEY_OBJECTS);
    t.is(await stateOf(server, THIRD), 'healthy');
    for (const name of ['strongroom', 'strongroom-2'])
      t.is((await server.post(`/tokens/${name}/drain`, {})).status, 200);
    const random: Answer = await server.post('/rng', { count: 8 });
    t.is(random.status, 200, 'it does the work of the pool alone');
    for (const name of ['strongroom', 'strongroom-2']) await server.post(`/tokens/${name}/resume`, {});
  },
);

test.serial('a second time there is nothing to do, and one that was removed is taken in again', async (t) => {
  const again = await add();
  t.is(again.code, 0, again.stderr);
  t.regex(again.stdout, /has the pool keys already\.\nThe server has taken strongroom-3 in\./);
  t.is((await server.post(`/tokens/${THIRD}/drain`, {})).status, 200);
  t.is((await server.send('DELETE', `/tokens/${THIRD}`)).json.state, 'removed');
  const back = await add();
  t.regex(back.stdout, /The server has taken strongroom-3 in\./, back.stderr);
  t.is(await stateOf(server, THIRD), 'healthy');
});

test.serial(
  'a server that does not run, or that does not know the token, takes it in with its next start',
  async (t) => {
    await server.stop();
    await server.restart();
    const unknown = await add();
    t.regex(unknown.stdout, /takes it in with its next start/, unknown.stderr);
    await server.stop();
    const alone = await add();
    t.regex(alone.stdout, /No server could be asked/, alone.stderr);
  },
);
