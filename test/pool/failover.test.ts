import test, { type ExecutionContext } from 'ava';
import type { HsmHost } from '../../src/pool/hsm_host.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { PoolWideOptions, TokenOptions } from '../../src/pool/pool_options.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { sessionKeyGeneration } from './session_key.ts';
import { NAMES, stateOf, type TokenFamily, tokenFamily, until } from './several_tokens.ts';

let family: TokenFamily;
test.before(async () => {
  family = await tokenFamily(2);
});
test.after.always(() => family.remove());

const ROW = Buffer.from('row');

interface SickFamily {
  readonly pool: HsmPool;
  readonly a: FaultRules;
  readonly b: FaultRules;
}

/** Two tokens that do as they are told, each by its own rules. */
async function sickFamily(t: ExecutionContext, wide: Partial<PoolWideOptions> = {}): Promise<SickFamily> {
  const rules = family.tokens.map(({ directory }, at) => new FaultRules(directory, `control-${t.title.length}-${at}`));
  const tokens = family.options.map((options, at): TokenOptions => {
    const environment = { ...options.environment, ...rules[at]?.environment };
    return { ...options, module: FAULT_MODULE, environment };
  });
  const pool = await HsmPool.open({ tokens, stateDirectory: family.stateDirectory, restartsPerMinute: 100, ...wide });
  t.teardown(async () => {
    await pool.close({ drainMs: 0 });
    await Promise.all(rules.map((each) => each.clear()));
  });
  return { pool, a: rules[0] as FaultRules, b: rules[1] as FaultRules };
}

/** A hundred seals, ten at a time; how long the slowest took, in milliseconds. */
async function traffic(t: ExecutionContext, pool: HsmPool): Promise<number> {
  let slowest = 0;
  for (let round = 0; round < 10; round++) {
    const seals = Array.from({ length: 10 }, async () => {
      const started = performance.now();
      const seal = await pool.seal(ROW);
      slowest = Math.max(slowest, performance.now() - started);
      return seal.length;
    });
    t.deepEqual(new Set(await Promise.all(seals)), new Set([32]));
  }
  return slowest;
}

const SICKNESSES = {
  'whose device fails': 'C_Sign * return 0x30',
  'that says what only its vendor understands': 'C_Sign * return 0x80000042',
  'that was pulled out': 'C_Sign * return 0xe0',
  'that loses every session': 'C_Sign * return 0xb3',
} as const;

for (const [sickness, rule] of Object.entries(SICKNESSES)) {
  test.serial(`a token ${sickness} is left at once, and no operation fails of it`, async (t) => {
    const { pool, a } = await sickFamily(t);
    await traffic(t, pool);
    await a.set(rule);
    const slowestMs = await traffic(t, pool);
    t.log(`slowest of 100 operations over the failure: ${slowestMs.toFixed(1)} ms`);
    t.is(stateOf(pool, 'a'), 'suspended');
    t.is(stateOf(pool, 'b'), 'healthy');
    t.is(pool.status().state, 'degraded');
    t.truthy(pool.status().tokens[0]?.reason);
    await a.clear();
    await until(() => stateOf(pool, 'a') === 'healthy');
    await traffic(t, pool);
    t.is(pool.status().state, 'ready');
  });
}

test.serial(
  'a token whose PIN has expired is out of service until an operator acts, and no operation fails of it',
  async (t) => {
    const { pool, a } = await sickFamily(t);
    await traffic(t, pool);
    await a.set('C_Sign 1 return 0xa3 once');
    await traffic(t, pool);
    await until(() => stateOf(pool, 'a') === 'failed');
    t.regex(pool.status().tokens[0]?.reason ?? '', /operator.*CKR_PIN_EXPIRED/);
    t.is(pool.status().state, 'degraded');
    await traffic(t, pool);
    t.is(stateOf(pool, 'a'), 'failed', 'it is not asked by itself');
    pool.resume();
    await until(() => stateOf(pool, 'a') === 'healthy');
    t.is(pool.status().state, 'ready');
  },
);

test.serial(
  'a token that fails at what a known-answer test unwraps is left: those bytes are no caller’s',
  async (t) => {
    const { pool, a } = await sickFamily(t);
    await a.set('C_UnwrapKey * return 0x30');
    const host = pool.hosts.find(({ token }) => token === pool.tokens[0]) as HsmHost;
    await t.throwsAsync(async () => pool.selfTest.ensure('CKM_AES_KEY_WRAP_PAD', host), { code: 'ServiceUnavailable' });
    t.is(stateOf(pool, 'a'), 'suspended');
  },
);

test.serial('a sick token that does not answer its probe is asked again later, and later', async (t) => {
  const { pool, a } = await sickFamily(t);
  await a.set('C_Sign * return 0x30');
  const before = performance.now();
  await traffic(t, pool);
  t.is(stateOf(pool, 'a'), 'suspended');
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  t.is(stateOf(pool, 'a'), 'suspended', 'the first probe has failed');
  await a.clear();
  await until(() => stateOf(pool, 'a') === 'healthy');
  t.true(performance.now() - before > 2_900, 'a second, and two more');
});

test.serial('the last token that is left is not left, however sick: it answers as well as it can', async (t) => {
  const { pool, a, b } = await sickFamily(t);
  await a.set('C_Sign * return 0x30');
  await traffic(t, pool);
  t.is(stateOf(pool, 'a'), 'suspended');
  await b.set('C_Sign 2 return 0x30 once');
  await traffic(t, pool);
  t.is(stateOf(pool, 'b'), 'healthy');
  await b.set('C_Sign * return 0x30');
  await t.throwsAsync(pool.seal(ROW), { code: 'ServiceUnavailable' });
  await b.clear();
  await until(() => stateOf(pool, 'b') === 'healthy');
  await traffic(t, pool);
});

test.serial('a mutating operation on a token that fails is not done again on another', async (t) => {
  const { pool, a, b } = await sickFamily(t);
  for (const rules of [a, b]) await rules.set('C_GenerateKey * return 0x30');
  await t.throwsAsync(pool.call(sessionKeyGeneration(), { effect: 'mutating' }), { code: 'OutcomeUnknown' });
  const states = NAMES.slice(0, 2).map((name) => stateOf(pool, name));
  t.deepEqual(states.sort(), ['healthy', 'suspended'], 'one was asked, and left');
});

test.serial('a token whose process hangs costs its own operations one wait, and they are done elsewhere', async (t) => {
  const { pool, a } = await sickFamily(t, { stuckLaneMs: 300 });
  await traffic(t, pool);
  await a.set('C_Sign 1 hang once');
  const slowestMs = await traffic(t, pool);
  t.log(`slowest of 100 operations over the hang: ${slowestMs.toFixed(1)} ms`);
  await until(() => stateOf(pool, 'a') === 'healthy');
});

test.serial('a failed self-test takes one token out until an operator acts, and the other goes on', async (t) => {
  const { pool } = await sickFamily(t);
  const token = pool.tokens.find(({ name }) => name === 'a');
  token?.group.declareUnfit('for the test');
  await traffic(t, pool);
  t.is(stateOf(pool, 'a'), 'failed');
  t.is(pool.status().state, 'degraded');
  pool.resume();
  await until(() => stateOf(pool, 'a') === 'healthy');
});

test.serial('while every token has failed a self-test nothing is done', async (t) => {
  const { pool } = await sickFamily(t);
  for (const { group } of pool.tokens) group.declareUnfit('for the test');
  await t.throwsAsync(pool.seal(ROW), { code: 'SelfTestFailed' });
  t.is(pool.status().state, 'selfTestFailed');
  pool.resume();
  await until(() => pool.status().state === 'ready');
  await traffic(t, pool);
});
