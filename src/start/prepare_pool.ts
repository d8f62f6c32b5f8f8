import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import type { HsmPoolOptions } from '../pool/hsm_pool.ts';
import { prepareToken } from './prepare_token.ts';

/** How to open the pool. On the first start with a token of our own, the token is made before this resolves. */
export async function preparePool(configuration: Configuration, files: DataDirectory): Promise<HsmPoolOptions> {
  const { hsm } = configuration;
  const { options, provision } = await prepareToken(configuration, files);
  // A store whose token is gone is a loss to be told, and not to be papered over with a new token that cannot open what the store has.
  if (provision !== undefined && !existsSync(files.store)) await provision();
  return {
    ...options,
    stateDirectory: join(files.path, 'pool'),
    poolKeys: 'create',
    profile: hsm.profile,
    isolation: hsm.isolation,
    hosts: hsm.hosts,
    lanesPerHost: hsm.lanesPerHost,
  };
}
