import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { PROGRAM, plainEnvironment, RunningServer } from './running_server.ts';

const DIGEST = createHash('sha256').update('several tokens').digest('base64url');
const NAMES = ['strongroom', 'strongroom-2', 'strongroom-3'] as const;
const SDK_PROGRAM = new URL('sdk_program.mjs', import.meta.url).pathname;

const server = await RunningServer.start({ STRONGROOM_HSM_OWN_TOKENS: '3', STRONGROOM_HSM_HOSTS: '1' });
test.after.always(() => server.remove());

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function strongroom(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = ['--data-dir', server.dataDir, '--listen', `localhost:${server.port}`, '--tokens', '3'];
    execFile(
      process.execPath,
      [PROGRAM, ...args, ...options],
      { env: plainEnvironment(), timeout: 60_000 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

interface GivenToken {
  readonly name: string;
  readonly state: string;
  readonly hosts: number;
}

async function states(): Promise<string[]> {
  const { json } = await server.get('/tokens');
  return (json.tokens as readonly GivenToken[]).map(({ state }) => state);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

const sign = () => server.post('/keys/signer/sign', { alg: 'ES256', value: DIGEST });
const directoryOf = (place: number): string => join(server.dataDir, place === 1 ? 'token' : `token_${place}`, 'tokens');
const health = () => server.exchange(`${server.url}/health/ready`, 'GET', {});

/** Those processes of the server that have this token: their variables name its configuration. */
function hostsOf(place: number): number[] {
  const configuration = join(server.dataDir, place === 1 ? 'token' : `token_${place}`, 'softhsm2.conf');
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
        return Number(parent) === server.pid && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(configuration);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The token is gone, and its hosts die of it. */
function take(place: number): void {
  renameSync(directoryOf(place), `${directoryOf(place)}.away`);
  for (const pid of hostsOf(place)) process.kill(pid, 'SIGKILL');
}

function bringBack(place: number): void {
  if (existsSync(directoryOf(place))) rmSync(directoryOf(place), { recursive: true });
  renameSync(`${directoryOf(place)}.away`, directoryOf(place));
}

test.serial('a server has three tokens of its own, and says so', async (t) => {
  const { json } = await server.get('/tokens');
  t.deepEqual(
    (json.tokens as readonly GivenToken[]).map(({ name, state, hosts }) => ({ name, state, hosts })),
    NAMES.map((name) => ({ name, state: 'healthy', hosts: 1 })),
  );
  t.is((await server.post('/keys/signer/create', { kty: 'EC-HSM', crv: 'P-256' })).status, 200);
  t.is((await sign()).status, 200);
  t.deepEqual((await health()).json as unknown, { status: 'ready', activation: 'Active', tokens: { healthy: 3 } });
});

test.serial('the death of one token fails no request, and an unmodified Azure program notices nothing', async (t) => {
  const answers: number[] = [];
  let going = true;
  const callers = Array.from({ length: 4 }, async () => {
    while (going) answers.push((await sign()).status);
  });
  await until(async () => answers.length > 20);
  take(1);
  const { stdout } = await promisify(execFile)(process.execPath, [SDK_PROGRAM], { env: server.environment });
  t.like(JSON.parse(stdout), { valid: true, forged: false, unwrapped: true, opened: true });
  const before = answers.length;
  await until(async () => answers.length > before + 50);
  going = false;
  await Promise.all(callers);
  t.deepEqual([...new Set(answers)], [200]);
  t.deepEqual(await states(), ['suspended', 'healthy', 'healthy']);
  const { status, json } = await health();
  t.is(status, 200, 'degraded, and ready');
  t.deepEqual(json.tokens as unknown, { suspended: 1, healthy: 2 });
  t.is(json.reason, 'pool degraded');
});

test.serial('what keeps a token away is told to operators, and the server’s log has the reason', async (t) => {
  const list = await strongroom('token', 'list');
  t.is(list.code, 0, list.stderr);
  t.regex(list.stdout, /^strongroom {4}suspended {2}0 hosts, 0 in flight: \w+$/m);
  t.regex(list.stdout, /^strongroom-2 {2}healthy {4}1 host of 1 lane \(fixed\), \d+ in flight$/m);
  const doctor = await strongroom('doctor');
  t.regex(doctor.stdout, /FAIL {2}token +"strongroom" of .*libsofthsm2\.so: the module does not answer/);
  t.regex(doctor.stdout, /hmm {3}token +strongroom is suspended in the server that runs/);
  t.regex(doctor.stdout, /ok {4}token +strongroom-3 is healthy in the server that runs \(1 host of 1 lane \(fixed\)/);
  await until(async () => /"token":"strongroom","state":"suspended","reason":".+"/.test(server.output));
  t.pass();
});

test.serial('a token that comes back is taken in again, without a restart', async (t) => {
  bringBack(1);
  t.is((await strongroom('token', 'resume', 'strongroom')).code, 0);
  await until(async () => (await states()).every((state) => state === 'healthy'));
  t.is((await sign()).status, 200);
});

test.serial(
  'while every token is away operations are a 503 with Retry-After, and work again when one is back',
  async (t) => {
    for (const place of [1, 2, 3]) take(place);
    // Hosts are tried again all the time: an operation waits for one until its deadline.
    let refusal = await sign();
    while (refusal.status === 200) refusal = await sign();
    t.is(refusal.status, 503);
    t.true(['ServiceUnavailable', 'Timeout'].includes(refusal.json.error?.code ?? ''));
    t.regex(String(refusal.headers['retry-after']), /^[1-9]\d*$/);
    await until(async () => (await health()).status === 503);
    t.is((await health()).json.reason, 'pool unavailable');
    for (const place of [1, 2, 3]) bringBack(place);
    await until(async () => (await sign()).status === 200);
    await until(async () => (await states()).every((state) => state === 'healthy'));
    t.is((await health()).status, 200);
  },
);

test.serial('a token is drained and removed by verbs, the last one is not, and a restart keeps it so', async (t) => {
  t.deepEqual(await strongroom('token', 'drain', 'strongroom'), {
    code: 0,
    stdout: 'strongroom is out of service.\n',
    stderr: '',
  });
  t.is((await sign()).status, 200);
  const early = await strongroom('token', 'remove', 'strongroom-2');
  t.is(early.code, 1);
  t.regex(early.stderr, /strongroom-2 is in service: drain it first/);
  t.is((await strongroom('token', 'drain', 'strongroom-2')).code, 0);
  t.is((await strongroom('token', 'remove', 'strongroom-2')).code, 0);
  const last = await strongroom('token', 'drain', 'strongroom-3');
  t.is(last.code, 1);
  t.regex(last.stderr, /No other token of the pool is healthy/);
  const stranger = await strongroom('token', 'drain', 'stranger');
  t.is(stranger.code, 1);
  t.regex(stranger.stderr, /There is no token of this name/);
  t.deepEqual(await states(), ['draining', 'removed', 'healthy']);
  t.deepEqual(hostsOf(2), []);
  await server.stop();
  await server.restart();
  t.deepEqual(await states(), ['draining', 'removed', 'healthy']);
  t.deepEqual(hostsOf(1), [], 'a token that is out of service is not opened');
  t.is((await sign()).status, 200);
  t.is((await strongroom('token', 'resume', 'strongroom')).code, 0);
  await until(async () => (await states())[0] === 'healthy');
});

test.serial('a start with fewer tokens leaves the rest unused, and names them in the log', async (t) => {
  await server.stop();
  await server.restart({ STRONGROOM_HSM_OWN_TOKENS: '1' });
  t.is((await sign()).status, 200);
  t.deepEqual(await states(), ['healthy']);
  for (const name of NAMES.slice(1)) t.regex(server.output, new RegExp(`"token":"${name}",.*is not used`));
});
