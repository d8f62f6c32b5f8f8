import { access } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import type { StrongroomError } from '../../src/model/errors.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { HsmPoolOptions } from '../../src/pool/pool_options.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { firstPid, poolToken } from './pool_token.ts';
import { sessionKeyGeneration } from './session_key.ts';

const STUCK_MS = 300;
const ROW = Buffer.from('row');

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

interface SickPool {
  readonly pool: HsmPool;
  /** From now on the module follows these rules. */
  rules(...lines: string[]): Promise<void>;
}

async function sickPool(t: ExecutionContext, options: Partial<HsmPoolOptions> = {}): Promise<SickPool> {
  await access(FAULT_MODULE);
  const token = await poolToken({ stuckLaneMs: STUCK_MS, restartsPerMinute: 100, ...options });
  const rules = new FaultRules(token.directory);
  const environment = { ...token.options.environment, ...rules.environment };
  const pool = await HsmPool.open({ ...token.options, module: FAULT_MODULE, environment });
  t.teardown(async () => {
    await pool.close({ drainMs: 0 });
    await token.remove();
  });
  return { pool, rules: (...lines) => rules.set(...lines) };
}

test.serial('a lane that hangs in the library is ended, its operation done elsewhere, its host replaced', async (t) => {
  const { pool, rules } = await sickPool(t);
  await pool.seal(ROW);
  await rules('C_Sign 1 hang once');
  const started = performance.now();
  t.is((await pool.seal(ROW)).length, 32);
  const tookMs = performance.now() - started;
  t.true(tookMs > STUCK_MS && tookMs < STUCK_MS + 8_000, `${tookMs}`);
  const [ended] = pool.status().ended;
  t.regex(ended?.reason ?? '', /^1 of 1 lanes stuck in the vendor library/);
  while (pool.status().state !== 'ready') await sleep(5);
  t.is(pool.status().hosts.length, 2);
});

test.serial('a host that was stopped from outside is replaced, whether a lane was at work or not', async (t) => {
  const { pool } = await sickPool(t, { hosts: 1 });
  await pool.seal(ROW);
  const pid = firstPid(pool);
  process.kill(pid, 'SIGSTOP');
  t.is((await pool.seal(ROW)).length, 32);
  t.not(pool.status().hosts[0]?.pid, pid);
  t.regex(pool.status().ended[0]?.reason ?? '', /nothing taken from the ring/);
});

test.serial('a call that names no time of its own has as long as the pool says', async (t) => {
  const { pool, rules } = await sickPool(t, { hosts: 1, stuckLaneMs: 60_000, callTimeoutMs: 500 });
  await pool.seal(ROW);
  await rules('C_Sign * sleep 2000');
  const before = pool.seal(ROW).catch(() => undefined);
  await t.throwsAsync(pool.seal(ROW), { code: 'Timeout' });
  await before;
});

test.serial('a long operation that is no hang is left alone when it makes a key', async (t) => {
  const { pool, rules } = await sickPool(t, { hosts: 1 });
  await rules(`C_GenerateKey 1 sleep ${STUCK_MS * 3}`);
  t.is((await pool.call(sessionKeyGeneration())).answer.length, 8);
  t.deepEqual(pool.status().ended, []);
});

test.serial('a library that crashes takes no pure operation with it', async (t) => {
  const { pool, rules } = await sickPool(t);
  await pool.seal(ROW);
  await rules('C_Sign 1 abort once');
  const seals = await Promise.all(Array.from({ length: 50 }, () => pool.seal(ROW)));
  t.true(seals.every((seal) => seal.length === 32));
  t.regex(pool.status().ended[0]?.reason ?? '', /SIGABRT|SIGSEGV/);
});

test.serial('an instance that fails again and again is replaced', async (t) => {
  const { pool, rules } = await sickPool(t, { hosts: 1 });
  await pool.seal(ROW);
  // CKR_DEVICE_ERROR, whatever is asked.
  await rules('C_Sign * return 0x30');
  const results = await Promise.allSettled([pool.seal(ROW), pool.seal(ROW)]);
  t.true(results.every(({ status }) => status === 'rejected'));
  await rules('# healed');
  t.is((await pool.seal(ROW)).length, 32);
  t.regex(pool.status().ended[0]?.reason ?? '', /faults within 10 s.*CKR_DEVICE_ERROR/);
});

test.serial(
  'an instance whose memory runs out again and again is replaced, when it has finished what it has',
  async (t) => {
    const { pool, rules } = await sickPool(t, { hosts: 1 });
    await pool.seal(ROW);
    // CKR_HOST_MEMORY.
    await rules('C_Sign * return 0x2');
    const results = await Promise.allSettled([pool.seal(ROW), pool.seal(ROW)]);
    t.true(results.every(({ status }) => status === 'rejected'));
    await rules('# healed');
    while (pool.status().ended.length === 0) await sleep(5);
    t.is((await pool.seal(ROW)).length, 32);
    const [ended] = pool.status().ended;
    t.regex(ended?.reason ?? '', /faults within 10 s.*CKR_HOST_MEMORY/);
    t.true(ended?.expected, 'it is no crash, and never ends in a rest');
  },
);

test.serial('a login that was lost has the instance replaced, and the operation done on the new one', async (t) => {
  const { pool, rules } = await sickPool(t, { hosts: 1 });
  await pool.seal(ROW);
  await rules('C_SignInit 1 return 0x101 once');
  t.is((await pool.seal(ROW)).length, 32);
  t.regex(pool.status().ended[0]?.reason ?? '', /CKR_USER_NOT_LOGGED_IN/);
});

test.serial('a session that was lost is replaced by the lane, without a word to the caller', async (t) => {
  const { pool, rules } = await sickPool(t, { hosts: 1 });
  await pool.seal(ROW);
  await rules('C_SignInit 1 return 0xb3 once');
  t.is((await pool.seal(ROW)).length, 32);
  t.deepEqual(pool.status().ended, []);
});

test.serial(
  'a token that is the only one keeps its hosts, though all of its sessions were lost and replaced',
  async (t) => {
    const { pool, rules } = await sickPool(t, { hosts: 1 });
    await pool.seal(ROW);
    await rules('C_SignInit 1 return 0xb3 once', 'C_SignInit 3 return 0xb3 once');
    for (let seals = 0; seals < 2; seals++) t.is((await pool.seal(ROW)).length, 32);
    t.is(pool.status().state, 'ready');
    t.deepEqual(pool.status().ended, []);
  },
);

test.serial('a token that has gone has all its hosts replaced', async (t) => {
  const { pool, rules } = await sickPool(t);
  await pool.seal(ROW);
  await rules('C_SignInit 1 return 0x32 once');
  t.is((await pool.seal(ROW)).length, 32);
  while (pool.status().state !== 'ready') await sleep(5);
  t.is(pool.status().ended.length, 2);
});

test.serial('bad ciphertexts of a caller never count against the token', async (t) => {
  const { pool, rules } = await sickPool(t, { hosts: 1 });
  const [host] = pool.hosts;
  if (host === undefined) return t.fail('no host');
  const object = host.poolKeys.kek;
  await rules('C_UnwrapKey * return 0x5');
  const request = () =>
    ringRequest(RING_OPERATION.unwrapBytes, {
      mechanism: MECHANISM.CKM_AES_KEY_WRAP_PAD,
      object,
      input: new Uint8Array(24),
      capacity: 64,
    });
  for (let count = 0; count < 200; count++) {
    const completion = await pool.call(request(), { host, input: 'caller' });
    t.not(completion.returnValue, 0);
  }
  t.deepEqual(pool.status().ended, []);
  t.is(pool.status().state, 'ready');
});

test.serial('a library that hangs at its start fails the start within the time it has', async (t) => {
  const token = await poolToken({ hosts: 1, startTimeoutMs: 400 });
  t.teardown(() => token.remove());
  const rules = new FaultRules(token.directory);
  const environment = { ...token.options.environment, ...rules.environment };
  await rules.set('C_Login * hang');
  const started = performance.now();
  const opening = HsmPool.open({ ...token.options, module: FAULT_MODULE, environment });
  await t.throwsAsync(opening, { code: 'ServiceUnavailable', message: /did not start within 400 ms/ });
  t.true(performance.now() - started < 3_000);
});

test.serial('a locked PIN is an answer of its own, and no mark is left on the PIN', async (t) => {
  const token = await poolToken({ hosts: 1 });
  t.teardown(() => token.remove());
  const rules = new FaultRules(token.directory);
  const environment = { ...token.options.environment, ...rules.environment };
  await rules.set('C_Login * return 0xa4');
  const opening = HsmPool.open({ ...token.options, module: FAULT_MODULE, environment });
  const error = await t.throwsAsync(opening, { code: 'ServiceUnavailable' });
  t.is((error as StrongroomError).innerCode, 'PinLocked');
  await rules.set('# unlocked');
  const pool = await HsmPool.open({ ...token.options, module: FAULT_MODULE, environment });
  t.is((await pool.seal(ROW)).length, 32);
  await pool.close();
});

test.serial('a login that fails for other reasons is tried again, the PIN being no less right', async (t) => {
  const { pool, rules } = await sickPool(t, { hosts: 1 });
  await rules('C_Login * return 0x30');
  process.kill(firstPid(pool), 'SIGKILL');
  while (pool.status().reason === undefined) await sleep(5);
  t.is(pool.status().state, 'unavailable');
  const sealed = pool.seal(ROW);
  await rules('# healed');
  t.is((await sealed).length, 32, 'it waited for the host within its deadline');
});

test.serial(
  'an instance that does not know the keys of the pool any more has lost its login, and is replaced',
  async (t) => {
    const { pool, rules } = await sickPool(t, { hosts: 1 });
    const seal = await pool.seal(ROW);
    await rules('C_SignInit 1 logout once');
    t.deepEqual(await pool.seal(ROW), seal);
    t.regex(pool.status().ended[0]?.reason ?? '', /CKR_(KEY|OBJECT)_HANDLE_INVALID/);
  },
);

test.serial('a pool that is closed while a host fails to start waits for no further try', async (t) => {
  const { pool, rules } = await sickPool(t, { hosts: 1 });
  await rules('C_Initialize * sleep 300', 'C_Login * return 0x30');
  process.kill(firstPid(pool), 'SIGKILL');
  while (pool.status().state !== 'unavailable') await sleep(5);
  const started = performance.now();
  await pool.close({ drainMs: 0 });
  t.true(performance.now() - started < 10_000);
  t.is(pool.status().state, 'closed');
});

test.serial('the fixture misbehaves: without a rule nothing of this happens', async (t) => {
  const { pool } = await sickPool(t, { hosts: 1 });
  for (let count = 0; count < 20; count++) t.is((await pool.seal(ROW)).length, 32);
  t.deepEqual(pool.status().ended, []);
});
