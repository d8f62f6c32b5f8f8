import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { PoolWideOptions } from '../../src/pool/pool_options.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { faultyTokens } from '../pool/faulty_tokens.ts';
import { FAULT_MODULE, type FaultRules } from '../shim/fault_module.ts';

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
  const tokens = await faultyTokens(3);
  t.teardown(() => tokens.close());
  const pool = await tokens.open([0, 1, 2], wide);
  const store = await SqliteStore.open(join(tokens.stateDirectory, 'store.db'));
  t.teardown(() => store.close());
  const engine = await KeyEngine.open({ pool, store, operationTimeoutMs: 10_000 });
  t.teardown(() => engine.close());
  return {
    engine,
    pool,
    rules: tokens.rules,
    close: async () => {
      await engine.close();
      await store.close();
      await pool.close({ drainMs: 0 });
    },
  };
}
