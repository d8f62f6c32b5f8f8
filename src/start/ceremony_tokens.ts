import { join } from 'node:path';
import type { DataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { inspectTokens } from '../pkcs11/provisioning.ts';
import { type TokensAtHand, withTokensAtHand } from '../pool/pool_ceremony.ts';
import type { OwnToken } from './own_token.ts';
import { type PreparedToken, prepareTokens } from './prepare_tokens.ts';
import { TokenDecisions } from './token_decisions.ts';

/**
 * The tokens of the pool, for what is done to their pool keys beside the hosts of a server, or without one: those of the configuration that
 * nobody has removed, and the one that joins. A token of ours that is not there is made where `makes` says so.
 */
export async function withCeremonyTokens<Result>(
  configuration: Configuration,
  files: DataDirectory,
  use: (atHand: TokensAtHand) => Promise<Result>,
  { makes = () => false, joining }: CeremonyOptions = {},
): Promise<Result> {
  const prepared = await preparedTokens(configuration, files, joining);
  const soPins = await Promise.all(
    prepared.map(({ own, options }) => (makes(options.name) ? readyToMake(own) : undefined)),
  );
  try {
    const options = prepared.map((each, at) => ({ ...each.options, soPin: soPins[at] }));
    return await withTokensAtHand(options, join(files.path, 'pool'), use);
  } finally {
    for (const soPin of soPins) soPin?.fill(0);
  }
}

export interface CeremonyOptions {
  readonly makes?: (name: string) => boolean;
  readonly joining?: string;
}

export async function preparedTokens(
  configuration: Configuration,
  files: DataDirectory,
  joining?: string,
): Promise<PreparedToken[]> {
  const decisions = await TokenDecisions.open(files.tokenDecisions);
  const prepared = await prepareTokens(configuration, files);
  return prepared.filter(({ options: { name } }) => name === joining || decisions.of(name) !== 'removed');
}

/** One that is there in another form than SoftHSM knows is put right, and not made a second time. */
async function readyToMake(own: OwnToken | undefined): Promise<Buffer | undefined> {
  if (own === undefined) return undefined;
  const tokens = await inspectTokens(own, (found) => found.some(({ label }) => label === own.label));
  // Nobody has a token open that cannot be found.
  if (tokens.every(({ label }) => label !== own.label)) await own.mend();
  return own.soPin();
}
