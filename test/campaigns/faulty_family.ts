import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { PoolWideOptions } from '../../src/pool/pool_options.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { tokenFamily } from '../pool/several_tokens.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';

export interface FaultyFamily {
  readonly engine: KeyEngine;
  readonly pool: HsmPool;
  /** Of each token. */
  readonly rules: readonly FaultRules[];
  /** The tokens stay until the test ends. */
  close(): Promise<void>;
}

/** An engine over three tokens, each with rules of its own between it and the pool. It restarts hosts as often as it takes. */
export async function openFaultyFamily(
  t: ExecutionContext,
  wide: Partial<PoolWideOptions> = {},
): Promise<FaultyFamily> {
  await access(FAULT_MODULE);
  const family = await tokenFamily(3);
  t.teardown(() => family.remove());
  const rules = family.tokens.map(({ directory }) => new FaultRules(directory));
  const tokens = family.options.map((options, at) => ({
    ...options,
    module: FAULT_MODULE,
    environment: { ...options.environment, ...rules[at]?.environment },
  }));
  const { stateDirectory } = family;
  const pool = await HsmPool.open({ tokens, stateDirectory, restartsPerMinute: 1_000_000, ...wide });
  t.teardown(() => pool.close({ drainMs: 0 }));
  const store = await SqliteStore.open(join(stateDirectory, 'store.db'));
  t.teardown(() => store.close());
  const engine = await KeyEngine.open({ pool, store, operationTimeoutMs: 10_000 });
  t.teardown(() => engine.close());
  return {
    engine,
    pool,
    rules,
    close: async () => {
      await engine.close();
      await store.close();
      await pool.close({ drainMs: 0 });
    },
  };
}
