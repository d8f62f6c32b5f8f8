import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { HsmPoolOptions } from '../../src/pool/pool_options.ts';
import type { PoolStatus, TokenReport } from '../../src/pool/pool_status.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { firstPid, poolToken } from './pool_token.ts';
import { sessionKeyGeneration } from './session_key.ts';

const ROW = Buffer.from('row');
const CALLERS = 64;

interface NetworkPool {
  readonly pool: HsmPool;
  readonly rules: FaultRules;
}

/** A pool with the generic profile over a token behind a network. */
async function networkPool(
  t: ExecutionContext,
  network: string,
  options: Partial<HsmPoolOptions> = {},
): Promise<NetworkPool> {
  const token = await poolToken({ profile: 'generic', hosts: 1, ...options });
  const rules = new FaultRules(token.directory);
  await rules.set(network);
  const environment = { ...token.options.environment, ...rules.environment };
  const pool = await HsmPool.open({ ...token.options, module: FAULT_MODULE, environment });
  t.teardown(async () => {
    await pool.close({ drainMs: 0 });
    await token.remove();
  });
  return { pool, rules };
}

/** The status, with the lanes of its one token beside it. */
type LaneStatus = PoolStatus & { readonly lanes: NonNullable<TokenReport['lanes']> };

function look(pool: HsmPool): LaneStatus {
  const status = pool.status();
  const lanes = status.tokens[0]?.lanes;
  if (lanes === undefined) throw new Error('The token is not open.');
  return { ...status, lanes };
}

/** Keeps the pool busy until its status is as wanted; then everything that was asked has been answered, and right. */
async function seen(t: ExecutionContext, pool: HsmPool, wanted: (status: LaneStatus) => boolean): Promise<LaneStatus> {
  const right = Buffer.from(await pool.seal(ROW));
  let running = true;
  let wrong = 0;
  const caller = async (): Promise<void> => {
    while (running) if (!right.equals(await pool.seal(ROW))) wrong++;
  };
  const callers = Promise.all(Array.from({ length: CALLERS }, caller));
  while (!wanted(look(pool))) await Promise.race([sleep(5), callers]);
  const status = look(pool);
  running = false;
  await callers;
  t.is(wrong, 0);
  return status;
}

for (const isolation of ['process', 'thread'] as const) {
  test.serial(`lanes grow by themselves while calls are on their way (${isolation})`, async (t) => {
    const { pool } = await networkPool(t, 'network 20 12 0', { isolation });
    t.like(look(pool), { lanes: { perHost: 4, found: 'first' }, hosts: [{ lanes: 4 }] });
    // As many lanes as there are callers leave nothing waiting: then they are enough, and whether others do as much is not looked at.
    const { lanes } = await seen(t, pool, ({ lanes: { found, perHost }, hosts }) => {
      return (found === 'found' || (found === 'enough' && perHost >= CALLERS)) && hosts[0]!.lanes > 4;
    });
    t.true(lanes.perHost >= 8 && (lanes.operationsPerSecond ?? 0) > 200, JSON.stringify(lanes));
  });
}

test.serial('lanes stop growing where the token has no more sessions, and no operation fails of it', async (t) => {
  const { pool } = await networkPool(t, 'network 20 12 7');
  const { lanes, hosts } = await seen(t, pool, (status) => status.lanes.found === 'sessionLimit');
  t.deepEqual(
    [lanes.perHost, lanes.sessionLimit, hosts[0]!.lanes],
    [6, 6, 6],
    'one is the session that owns the objects',
  );
  process.kill(firstPid(pool), 'SIGKILL');
  while (pool.status().ended.length === 0 || pool.status().state !== 'ready') await sleep(5);
  t.like(look(pool), { lanes: { perHost: 6, sessionLimit: 6 }, hosts: [{ lanes: 6 }] });
  t.is((await pool.seal(ROW)).length, 32);
});

test.serial('a host starts with the lanes for which there are sessions, whatever number was set', async (t) => {
  const { pool } = await networkPool(t, 'network 1 4 4', { lanesPerHost: 8 });
  const { state, hosts } = await seen(t, pool, ({ lanes }) => lanes.sessionLimit === 3);
  t.is(state, 'ready');
  t.is(hosts[0]!.lanes, 3);
});

test.serial(
  'a lane that is refused a new session for the one that it lost leaves its work to the others',
  async (t) => {
    const { pool, rules } = await networkPool(t, 'network 1 4 4', { lanesPerHost: 3 });
    await pool.seal(ROW);
    t.is(pool.status().hosts[0]?.lanes, 3);
    // The shim counts the session as open for as long as nobody closes it, as a device does that lost it on its own side alone.
    await rules.set('network 1 4 4', 'C_Sign 1 return 0xb3');
    const { lanes, hosts } = await seen(t, pool, (status) => status.lanes.found === 'sessionLimit');
    t.deepEqual([lanes.perHost, hosts[0]!.lanes], [2, 2]);
    t.deepEqual(pool.status().ended, []);
  },
);

test.serial('what was not begun for want of a session is done when there is one, objects made as well', async (t) => {
  const { pool, rules } = await networkPool(t, 'network 1 4 0', { lanesPerHost: 1 });
  await pool.seal(ROW);
  await rules.set('C_Sign 1 return 0xb3', 'C_OpenSession 1 return 0xb1', 'C_OpenSession 2 return 0xb1');
  t.is((await pool.seal(ROW)).length, 32);
  await rules.set('C_Sign 1 return 0xb3', 'C_OpenSession 1+ return 0xb1');
  const failing = await t.throwsAsync(pool.seal(ROW), { code: 'ServiceUnavailable' });
  t.regex(String(failing.cause), /C_OpenSession returned CKR_SESSION_COUNT/);
  const making = pool.call(sessionKeyGeneration(), { effect: 'mutating' });
  await sleep(100);
  await rules.clear();
  t.is((await making).answer.length, 8);
});
