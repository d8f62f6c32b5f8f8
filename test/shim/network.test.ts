import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { HsmPoolOptions } from '../../src/pool/pool_options.ts';
import { firstPid, type PoolToken, poolToken } from '../pool/pool_token.ts';
import { FAULT_MODULE, FaultRules } from './fault_module.ts';

const ROW = Buffer.from('row');

async function networkToken(
  t: ExecutionContext,
  network: string,
  options: Partial<HsmPoolOptions>,
): Promise<PoolToken> {
  const token = await poolToken(options);
  t.teardown(() => token.remove());
  const rules = new FaultRules(token.directory);
  await rules.set(network);
  const environment = { ...token.options.environment, ...rules.environment };
  return { ...token, options: { ...token.options, module: FAULT_MODULE, environment } };
}

async function openPool(t: ExecutionContext, { options }: PoolToken): Promise<HsmPool> {
  const pool = await HsmPool.open(options);
  t.teardown(() => pool.close({ drainMs: 0 }));
  return pool;
}

test.serial(
  'calls over the network take their time side by side, and no more of them than it has places, whatever process they come from',
  async (t) => {
    const pool = await openPool(t, await networkToken(t, 'network 40 6 100', { hosts: 2, lanesPerHost: 8 }));
    await pool.seal(ROW);
    const started = performance.now();
    await Promise.all(Array.from({ length: 60 }, () => pool.seal(ROW)));
    const tookMs = performance.now() - started;
    t.true(tookMs >= (60 / 6) * 40, `six at once, and not more: ${tookMs} ms`);
    t.true(tookMs < 60 * 40, `and not one after the other: ${tookMs} ms`);
  },
);

test.serial('a network that has given all its sessions answers CKR_SESSION_COUNT until some come back', async (t) => {
  const token = await networkToken(t, 'network 1 2 4', { hosts: 1, lanesPerHost: 2 });
  const pool = await openPool(t, token);
  const error = await t.throwsAsync(HsmPool.open(token.options), { code: 'ServiceUnavailable' });
  t.regex(String((error.cause as Error | undefined)?.message ?? error.message), /CKR_SESSION_COUNT/);
  process.kill(firstPid(pool), 'SIGKILL');
  while (pool.status().ended.length === 0 || pool.status().state !== 'ready') await sleep(5);
  t.is((await pool.seal(ROW)).length, 32, 'a process that has ended has no sessions any more');
  await pool.close();
  const next = await openPool(t, token);
  t.is((await next.seal(ROW)).length, 32);
});
