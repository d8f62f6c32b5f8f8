import { join } from 'node:path';
import type { DataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { mendSoftHsmTokens } from '../pkcs11/softhsm_token_files.ts';
import type { HsmPoolOptions } from '../pool/pool_options.ts';
import { prepareToken } from './prepare_token.ts';

/** How to open the pool. On the first start with a token of our own, the token is made before this resolves. */
export async function preparePool(
  configuration: Configuration,
  files: DataDirectory,
  storeIsNew: boolean,
): Promise<HsmPoolOptions> {
  const { hsm } = configuration;
  const { options, own } = await prepareToken(configuration, files);
  const { softHsmTokenDirectory: tokens } = options;
  const mend = async (): Promise<void> => {
    if (tokens !== undefined) await mendSoftHsmTokens(tokens, join(files.token, 'copies'));
  };
  await mend();
  // A store whose token is gone is a loss to be told, and not to be papered over with a new token that cannot open what the store has.
  if (own !== undefined && storeIsNew) await own.provision();
  await mend();
  return {
    ...options,
    stateDirectory: join(files.path, 'pool'),
    // A token that joins others has their pool keys: with new ones of its own it could open nothing of what the shared store holds.
    poolKeys: configuration.store.url === undefined || storeIsNew ? 'create' : 'require',
    profile: hsm.profile,
    isolation: hsm.isolation,
    signatureChecks: hsm.signatureChecks,
    hosts: hsm.hosts,
    lanesPerHost: hsm.lanesPerHost,
  };
}
