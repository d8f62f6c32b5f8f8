import { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { PoolWideOptions, TokenOptions } from '../../src/pool/pool_options.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { tokenFamily } from './several_tokens.ts';

/** Tokens of the same pool keys, each with rules of its own between it and whatever pool it is in. */
export interface FaultyTokens {
  readonly rules: readonly FaultRules[];
  readonly stateDirectory: string;
  /** A pool of these of them. It restarts hosts as often as it takes. */
  open(places: readonly number[], wide?: Partial<PoolWideOptions>): Promise<HsmPool>;
  /** With the pools that are open. */
  close(): Promise<void>;
}

export async function faultyTokens(count: number): Promise<FaultyTokens> {
  const family = await tokenFamily(count);
  const rules = family.tokens.map(({ directory }) => new FaultRules(directory));
  const options = family.options.map((each, at): TokenOptions => {
    const environment = { ...each.environment, ...rules[at]?.environment };
    return { ...each, module: FAULT_MODULE, environment };
  });
  const { stateDirectory } = family;
  const pools: HsmPool[] = [];
  return {
    rules,
    stateDirectory,
    open: async (places, wide = {}) => {
      const tokens = places.map((place) => options[place] as TokenOptions);
      const pool = await HsmPool.open({ tokens, stateDirectory, restartsPerMinute: 1_000_000, ...wide });
      pools.push(pool);
      return pool;
    },
    close: async () => {
      await Promise.all(pools.map((pool) => pool.close({ drainMs: 0 })));
      await family.remove();
    },
  };
}
