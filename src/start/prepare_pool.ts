import { join } from 'node:path';
import type { DataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { hasOwnTokens } from '../config/token_settings.ts';
import type { HsmPoolOfTokensOptions } from '../pool/pool_options.ts';
import { type OwnToken, ownTokensBeyond } from './own_token.ts';
import { prepareTokens } from './prepare_tokens.ts';

export interface PreparedPool {
  readonly options: HsmPoolOfTokensOptions;
  /** Labels of tokens of our own that are more than the configuration wants. */
  readonly unused: readonly string[];
}

/** How to open the pool. Tokens of our own that are missing are made before this resolves, the first of them with a new store alone. */
export async function preparePool(
  configuration: Configuration,
  files: DataDirectory,
  storeIsNew: boolean,
): Promise<PreparedPool> {
  const { hsm } = configuration;
  const prepared = await prepareTokens(configuration, files);
  const [first, ...others] = prepared.map(({ own }) => own);
  await Promise.all([first && readyFirst(first, storeIsNew), ...others.map((own) => own && readyFurther(own))]);
  const options = {
    tokens: prepared.map((token) => token.options),
    stateDirectory: join(files.path, 'pool'),
    poolKeys: poolKeysFor(configuration, storeIsNew),
    isolation: hsm.isolation,
    signatureChecks: hsm.signatureChecks,
  };
  return { options, unused: hasOwnTokens(configuration) ? await ownTokensBeyond(files, hsm.ownTokens) : [] };
}

async function readyFirst(own: OwnToken, storeIsNew: boolean): Promise<void> {
  await own.mend();
  // A store whose token is gone is a loss to be told, and not to be papered over with a new token that cannot open what the store has.
  if (storeIsNew) await own.provision(true);
  await own.mend();
}

/** It gets the pool keys of another when the pool is opened. */
async function readyFurther(own: OwnToken): Promise<void> {
  if (!(await own.wasMade())) await own.provision(false);
  await own.mend();
}

/** A token that joins others has their pool keys: with new ones of its own it could open nothing of what the shared store holds. */
function poolKeysFor({ store }: Configuration, storeIsNew: boolean): 'create' | 'carry' {
  return store.url === undefined || storeIsNew ? 'create' : 'carry';
}
