import { access, readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { RETURN_VALUE, type ReturnValueName } from '../../src/pkcs11/return_value.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { HsmPoolOptions } from '../../src/pool/pool_options.ts';
import { readCallLog } from '../shim/call_log.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { firstPid, type PoolToken, poolToken } from './pool_token.ts';
import { until } from './several_tokens.ts';

/** What a module may say while it is started, and what the flags of its token say before the PIN is sent. */

let token: PoolToken;
test.before(async () => {
  await access(FAULT_MODULE);
  token = await poolToken({ hosts: 1, restartsPerMinute: 1_000 });
});
test.after.always(() => token?.remove());

const ROW = Buffer.from('row');
const FINAL_TRY = 0x20000;
const COUNT_LOW = 0x10000;
const LOCKED = 0x40000;

let controls = 0;

async function optionsUnder(t: ExecutionContext, ...lines: string[]): Promise<[HsmPoolOptions, FaultRules]> {
  const rules = new FaultRules(token.directory, `control-${controls++}`);
  await rules.set('log', ...lines);
  t.teardown(() => rules.clear());
  const environment = { ...token.options.environment, ...rules.environment };
  return [{ ...token.options, module: FAULT_MODULE, environment }, rules];
}

async function opened(t: ExecutionContext, ...lines: string[]): Promise<{ pool: HsmPool; rules: FaultRules }> {
  const [options, rules] = await optionsUnder(t, ...lines);
  const pool = await HsmPool.open(options);
  t.teardown(() => pool.close({ drainMs: 0 }));
  t.is((await pool.seal(ROW)).length, 32);
  return { pool, rules };
}

/** An instance that starts under these rules; what looked for the token before did not meet them. */
async function restarted(t: ExecutionContext, ...lines: string[]): Promise<{ pool: HsmPool; rules: FaultRules }> {
  const { pool, rules } = await opened(t);
  await rules.set('log', ...lines);
  const before = pool.status().hosts[0]?.id;
  process.kill(firstPid(pool), 'SIGKILL');
  await until(() => pool.status().hosts.some(({ id }) => id !== before));
  t.is((await pool.seal(ROW)).length, 32);
  return { pool, rules };
}

async function refusalUnder(t: ExecutionContext, ...lines: string[]): Promise<{ inner?: string; rules: FaultRules }> {
  const [options, rules] = await optionsUnder(t, ...lines);
  const error = await t.throwsAsync(HsmPool.open(options), { instanceOf: StrongroomError });
  t.is(error?.code, 'ServiceUnavailable');
  return { ...(error?.innerCode !== undefined && { inner: error.innerCode }), rules };
}

async function callsOf(rules: FaultRules, functionName: string): Promise<number> {
  const lines = (await readFile(`${rules.path}.log`, 'utf8')).split('\n');
  return lines.filter((line) => line.startsWith('b ') && line.split(' ')[4] === functionName).length;
}

const says = (functionName: string, value: ReturnValueName, occasion = '*', when = ''): string =>
  `${functionName} ${occasion} ${when} return ${RETURN_VALUE[value]}`;

test.serial('CKR_USER_ALREADY_LOGGED_IN: that is what was wanted', async (t) => {
  await restarted(t, says('C_Login', 'CKR_USER_ALREADY_LOGGED_IN', '*', 'after'));
});

test.serial('CKR_CRYPTOKI_ALREADY_INITIALIZED: the library is used, and never finalised by us', async (t) => {
  const { pool, rules } = await opened(t);
  await pool.close();
  t.is(await callsOf(rules, 'C_Finalize'), 2, 'by what has looked for the token, and by the host');
  const again = await restarted(t, says('C_Initialize', 'CKR_CRYPTOKI_ALREADY_INITIALIZED', '*', 'after'));
  await again.pool.close();
  t.is(await callsOf(again.rules, 'C_Finalize'), 1, 'the first host was killed');
});

for (const value of ['CKR_CANT_LOCK', 'CKR_NEED_TO_CREATE_THREADS'] as const) {
  test.serial(`${value}: a library that must lock does so by the system, and else with mutexes of ours`, async (t) => {
    await restarted(t, says('C_Initialize', value, '1'));
    const { pool } = await restarted(t, says('C_Initialize', value, '1'), says('C_Initialize', value, '2'));
    t.is(pool.status().hosts[0]?.lanes, 1);
  });
}

for (const value of ['CKR_FIPS_SELF_TEST_FAILED', 'CKR_LIBRARY_LOAD_FAILED'] as const) {
  test.serial(`${value}: the module is started again when an operator has acted, and not by itself`, async (t) => {
    const { pool, rules } = await opened(t);
    await rules.set('log', says('C_Login', value));
    process.kill(firstPid(pool), 'SIGKILL');
    await until(() => pool.status().tokens[0]?.state === 'failed');
    t.regex(pool.status().reason ?? '', /unfit/);
    await t.throwsAsync(pool.seal(ROW), { code: 'ServiceUnavailable' });
    await rules.clear();
    t.is(pool.status().tokens[0]?.state, 'failed');
    pool.resume();
    t.is((await pool.seal(ROW)).length, 32);
  });
}

test.serial('CKR_SESSION_COUNT: a token that has no session to give is not logged in to', async (t) => {
  const { rules } = await refusalUnder(t, says('C_OpenSession', 'CKR_SESSION_COUNT'));
  t.is(await callsOf(rules, 'C_Login'), 0);
});

for (const value of ['CKR_PIN_EXPIRED', 'CKR_USER_PIN_NOT_INITIALIZED'] as const) {
  test.serial(
    `${value}: a token that wants another PIN is for an operator, and the PIN keeps its good name`,
    async (t) => {
      const { inner, rules } = await refusalUnder(t, says('C_Login', value));
      t.is(inner, 'PinUnusable');
      t.is(await callsOf(rules, 'C_Login'), 1);
      await opened(t);
    },
  );
}

test.serial('a token that has one try of its PIN left is not sent it, unless that is forced', async (t) => {
  const lines = [`C_GetTokenInfo * flags ${FINAL_TRY}`];
  const { inner, rules } = await refusalUnder(t, ...lines);
  t.is(inner, 'PinLocked');
  t.is(await callsOf(rules, 'C_Login'), 0);
  const [options] = await optionsUnder(t, ...lines);
  const pool = await HsmPool.open({ ...options, forceLogin: true });
  t.is((await pool.seal(ROW)).length, 32);
  await pool.close();
});

test.serial('a token whose PIN is locked is not sent it, though that is forced', async (t) => {
  const [options, rules] = await optionsUnder(t, `C_GetTokenInfo * flags ${LOCKED}`);
  const error = await t.throwsAsync(HsmPool.open({ ...options, forceLogin: true }), { instanceOf: StrongroomError });
  t.is(error?.innerCode, 'PinLocked');
  t.is(await callsOf(rules, 'C_Login'), 0);
});

test.serial('a token that has seen a wrong PIN, and has tries left, is logged in to', async (t) => {
  await opened(t, `C_GetTokenInfo * flags ${COUNT_LOW}`);
});

test.serial('each instance logs in once and never out, whatever is done with it', async (t) => {
  const { pool, rules } = await opened(t);
  await Promise.all(Array.from({ length: 50 }, () => pool.seal(ROW)));
  await pool.close();
  t.is(await callsOf(rules, 'C_Login'), 1);
  t.is(await callsOf(rules, 'C_Logout'), 0);
  t.deepEqual((await readCallLog(`${rules.path}.log`)).violations, []);
});

test.serial('instances that start side by side with a PIN that is refused send it once', async (t) => {
  const [options, rules] = await optionsUnder(t, 'pin 3');
  const opening = Array.from({ length: 4 }, () =>
    HsmPool.open({ ...options, hosts: 2, pin: { value: Buffer.from('a wrong PIN of four') } }),
  );
  const results = await Promise.allSettled(opening);
  t.true(results.every(({ status }) => status === 'rejected'));
  t.is((await readCallLog(`${rules.path}.log`)).logins.get(RETURN_VALUE.CKR_PIN_INCORRECT), 1);
});
