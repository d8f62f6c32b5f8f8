import type { ExecutionContext } from 'ava';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { PoolWideOptions, TokenOptions } from '../../src/pool/pool_options.ts';
import type { TokenState } from '../../src/pool/token_member.ts';
import { bareToken, type PoolToken, poolToken } from './pool_token.ts';

/** Tokens of the same pool keys, each in a SoftHSM of its own. */
export interface TokenFamily {
  readonly tokens: readonly PoolToken[];
  /** One host each. */
  readonly options: readonly TokenOptions[];
  readonly stateDirectory: string;
  remove(): Promise<void>;
}

export const NAMES = ['a', 'b', 'c'] as const;

/** The first is provisioned, and the others get its pool keys when the pool is opened for the first time. */
export async function tokenFamily(count: number): Promise<TokenFamily> {
  const [first, ...others] = await Promise.all(
    NAMES.slice(0, count).map((_, at) => (at === 0 ? poolToken() : bareToken())),
  );
  const tokens = [first as PoolToken, ...others];
  const options = tokens.map((token, at) => optionsOf(token, NAMES[at] as string));
  const stateDirectory = tokens[0]?.options.stateDirectory as string;
  const pool = await HsmPool.open({ tokens: options, stateDirectory, poolKeys: 'create' });
  await pool.close();
  return {
    tokens,
    options,
    stateDirectory,
    remove: async () => {
      await Promise.all(tokens.map((token) => token.remove()));
    },
  };
}

export function optionsOf({ options }: PoolToken, name: string): TokenOptions {
  const { module, environment, token, pin } = options;
  return { name, module, environment, token, pin, hosts: 1 };
}

export async function openFamily(
  t: ExecutionContext,
  { options, stateDirectory }: TokenFamily,
  wide: Partial<PoolWideOptions> = {},
): Promise<HsmPool> {
  const pool = await HsmPool.open({ tokens: options, stateDirectory, ...wide });
  t.teardown(() => pool.close({ drainMs: 0 }));
  return pool;
}

export function stateOf(pool: HsmPool, name: string): TokenState | undefined {
  return pool.status().tokens.find((token) => token.name === name)?.state;
}

/** Waits for what has to come; the test's own time-out ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
