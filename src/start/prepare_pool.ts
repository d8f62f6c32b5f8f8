import { join } from 'node:path';
import type { DataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { hasOwnTokens } from '../config/token_settings.ts';
import type { HsmPoolOfTokensOptions } from '../pool/pool_options.ts';
import { type OwnToken, ownTokensBeyond } from './own_token.ts';
import { prepareTokens } from './prepare_tokens.ts';
import { TokenDecisions } from './token_decisions.ts';

export interface PreparedPool {
  /** As operators have decided it until now. @throws ConfigurationError when no token would serve */
  readonly options: HsmPoolOfTokensOptions;
  /** Names of all tokens of the machine, in the order of the configuration. */
  readonly names: readonly string[];
  readonly decisions: TokenDecisions;
  /** Labels of tokens of our own that are more than the configuration wants. */
  readonly unused: readonly string[];
}

/** How to open the pool. Tokens of our own that are missing are made before this resolves, the first of them with a new store alone. */
export async function preparePool(
  configuration: Configuration,
  files: DataDirectory,
  storeIsNew: boolean,
): Promise<PreparedPool> {
  const { isolation, signatureChecks, ownTokens } = configuration.hsm;
  const decisions = await TokenDecisions.open(files.tokenDecisions);
  const prepared = await prepareTokens(configuration, files);
  const kept = prepared.filter(({ options }) => decisions.of(options.name) !== 'removed');
  await Promise.all(kept.map(({ own }) => own && (own.isFirst ? readyFirst(own, storeIsNew) : readyFurther(own))));
  const tokens = prepared.map(({ options }) => options);
  const wide = {
    label: tokens[0]?.token.label,
    stateDirectory: join(files.path, 'pool'),
    poolKeys: poolKeysFor(configuration, storeIsNew),
    isolation,
    signatureChecks,
  };
  return {
    get options() {
      return { ...wide, tokens: decisions.applyTo(tokens) };
    },
    names: tokens.map(({ name }) => name),
    decisions,
    unused: hasOwnTokens(configuration) ? await ownTokensBeyond(files, ownTokens) : [],
  };
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
