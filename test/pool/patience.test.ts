import { access, readFile } from 'node:fs/promises';
import test from 'ava';
import { OUTCOME, RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { RingHost } from '../../src/pool/ring_host.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { SELF_TEST_VECTORS } from '../../src/pool/self_test_vectors.ts';
import { TaskRun } from '../../src/pool/task_run.ts';
import type { FaultRules } from '../shim/fault_module.ts';
import { type FaultyTokens, faultyTokens } from './faulty_tokens.ts';
import { RecordedTask, ScriptedHosts } from './scripted_hosts.ts';
import { KeyTask, SessionKey, sessionKeyGeneration } from './session_key.ts';
import { until } from './several_tokens.ts';

/*
 * A token that does not come back with a call is not waited for where another is there. The calls here hang for good, and the watchdog would take
 * an hour to see it: whoever gets his answer has it from another token.
 */

const HOUR_MS = 3_600_000;
const ROW = Buffer.from('row');
const DIGEST = Buffer.alloc(32, 7);
const { key: EC_KEY } = SELF_TEST_VECTORS.ES256;

let tokens: FaultyTokens;
let pool: HsmPool;
let first: FaultRules;

test.before(async () => {
  tokens = await faultyTokens(2);
});
test.beforeEach(async () => {
  pool = await tokens.open([0, 1], { stuckLaneMs: HOUR_MS, stuckKeyGenerationMs: HOUR_MS, callTimeoutMs: HOUR_MS });
  [first] = tokens.rules as [FaultRules];
});
test.afterEach.always(async () => {
  await first.clear();
  await pool.close({ drainMs: 0 });
});
test.after.always(() => tokens?.close());

function firstHost(): RingHost {
  const [host] = pool.tokens.flatMap(({ group }) => group.hosts);
  if (host === undefined) throw new Error('The pool has no host.');
  return host;
}

async function hasFired(rules: FaultRules): Promise<boolean> {
  return access(`${rules.path}.fired`).then(
    () => true,
    () => false,
  );
}

/** Until the rule has been met. */
async function whileItHangs(rule: string, work: () => Promise<unknown>): Promise<void> {
  await first.set(rule);
  while (!(await hasFired(first))) await Promise.all(Array.from({ length: 10 }, work));
  await Promise.all(Array.from({ length: 10 }, work));
}

test.serial('what waits for a lane that hangs is done by another token, and the host is left as it is', async (t) => {
  await whileItHangs('C_Sign 1 hang once', async () => t.is((await pool.seal(ROW)).length, 32));
  t.deepEqual(pool.status().ended, []);
  const host = firstHost();
  // How long is too long depends on what calls have taken of late: where the machine has stood still, that is long for a while.
  for (let looked = 0; !host.slow && looked < 100; looked++) await new Promise((resolve) => setTimeout(resolve, 50));
  t.true(host.slow);
  t.true(host.tasks > 0, 'the call that hangs is still its work, with what waits behind it');
});

test.serial('what waits for a key that is being brought to a host that hangs is done by another token', async (t) => {
  const key = new SessionKey(pool, EC_KEY);
  const request = () =>
    ringRequest(RING_OPERATION.sign, { mechanism: MECHANISM.CKM_ECDSA, input: DIGEST, capacity: 64 });
  await whileItHangs('C_CreateObject 1 hang once', async () => {
    const task = new KeyTask(key, request(), HOUR_MS);
    pool.run(task);
    t.is((await task.answer).length, 64);
  });
  t.deepEqual(pool.status().ended, []);
});

test.serial('a key that takes long to be made is not made twice', async (t) => {
  await Promise.all(tokens.rules.map((rules) => rules.set('log', 'C_GenerateKey * sleep 400')));
  t.is((await pool.call(sessionKeyGeneration())).answer.length, 8);
  let calls = 0;
  for (const { path } of tokens.rules) {
    const log = await readFile(`${path}.log`, 'utf8').catch(() => '');
    calls += log.split('\n').filter((line) => line.startsWith('b ') && line.includes(' C_GenerateKey ')).length;
  }
  for (const rules of tokens.rules) await rules.clear();
  t.is(calls, 1);
});

test.serial('a host whose call comes back is asked again, when what it took is long past', async (t) => {
  await first.set('C_Sign * sleep 300');
  const host = firstHost();
  while (!host.slow) await Promise.all(Array.from({ length: 10 }, () => pool.seal(ROW)));
  await first.clear();
  await until(() => host.tasks === 0 && !host.slow);
  const delivered = host.delivered;
  while (host.delivered === delivered) await pool.seal(ROW);
  t.pass();
});

function heldBack(hosts: ScriptedHosts): (() => void)[] {
  const late: (() => void)[] = [];
  const [host] = hosts.hosts;
  const submit = (host as RingHost).submit;
  Object.assign(host as RingHost, {
    submit: (...given: Parameters<RingHost['submit']>) => {
      late.push(() => submit(...given));
    },
  });
  return late;
}

test('a task that leaves is answered once, and gives back what it held when the host is done with it', async (t) => {
  const hosts = new ScriptedHosts();
  hosts.hasOtherToken = true;
  heldBack(hosts);
  const task = new RecordedTask();
  const run = new TaskRun(task, hosts);
  run.start();
  t.is(task.completion, undefined);
  const late = run.leave();
  t.truthy(late);
  run.start();
  await task.ended;
  t.deepEqual(hosts.tries, ['B']);
  t.like(task, { prepared: 2, released: 1, left: 1 });
  t.is(hosts.hosts[0]?.tasks, 1);
  const answer = Buffer.from('late');
  late?.({ outcome: OUTCOME.done, function: 0, returnValue: 0, answer, answerLength: 4, serviceTimeUs: 1 });
  t.is(hosts.hosts[0]?.tasks, 0);
  t.is(task.released, 2);
  t.deepEqual(answer, Buffer.alloc(4), 'nobody reads it');
});

test('a task leaves twice, and not at all where it may change something or nobody else does it', (t) => {
  const leaves = (hasOtherToken: boolean, fields: Partial<RecordedTask>): boolean[] => {
    const hosts = new ScriptedHosts();
    hosts.hasOtherToken = hasOtherToken;
    for (const host of hosts.hosts) Object.assign(host, { submit: () => undefined });
    const run = new TaskRun(new RecordedTask(fields), hosts);
    run.start();
    return Array.from({ length: 3 }, () => {
      const left = run.leave() !== undefined;
      if (left) run.start();
      return left;
    });
  };
  t.deepEqual(leaves(true, {}), [true, true, false]);
  t.deepEqual(leaves(false, {}), [false, false, false]);
  t.deepEqual(leaves(true, { effect: 'mutating' }), [false, false, false]);
  t.deepEqual(leaves(true, { operation: RING_OPERATION.generateKeyPair }), [false, false, false]);
});

test('what was being prepared for a host that was left is not submitted there', async (t) => {
  const hosts = new ScriptedHosts();
  hosts.hasOtherToken = true;
  const task = new RecordedTask();
  const prepare = task.prepare.bind(task);
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ringRequest>>();
  task.prepare = () => (task.prepared++ === 0 ? promise : prepare());
  const run = new TaskRun(task, hosts);
  run.start();
  t.truthy(run.leave());
  run.start();
  await task.ended;
  resolve(ringRequest(RING_OPERATION.sign));
  await promise;
  await new Promise((next) => setImmediate(next));
  t.deepEqual(hosts.tries, ['B']);
  t.is(task.completion?.returnValue, RETURN_VALUE.CKR_OK);
  t.is(hosts.hosts[0]?.tasks, 0);
});
