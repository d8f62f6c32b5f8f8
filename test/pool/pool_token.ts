import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startProvisioning } from '../../src/pkcs11/provisioning.ts';
import { writeSoftHsmConfiguration } from '../../src/pkcs11/softhsm_configuration.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { HsmPoolOptions } from '../../src/pool/pool_options.ts';

const SOFTHSM_MODULE = '/usr/lib/softhsm/libsofthsm2.so';
export const USER_PIN = 'user-pin-of-tests';

export interface PoolToken {
  readonly directory: string;
  readonly options: HsmPoolOptions;
  remove(): Promise<void>;
}

const LABEL = 'pool of tests';
const SO_PIN = 'so-pin-of-tests';

/** A provisioned SoftHSM token in a directory of its own, and what it takes to open a pool on it. */
export async function poolToken(overrides: Partial<HsmPoolOptions> = {}): Promise<PoolToken> {
  const token = await emptyDirectory(overrides);
  const { module, environment } = token.options;
  await startProvisioning({
    module,
    environment,
    label: LABEL,
    soPin: Buffer.from(SO_PIN),
    userPin: Buffer.from(USER_PIN),
  });
  return token;
}

/** The same without pool keys, as an operator leaves a token who has only initialised it. */
export async function bareToken(overrides: Partial<HsmPoolOptions> = {}): Promise<PoolToken> {
  const token = await emptyDirectory(overrides);
  const pins = ['--so-pin', SO_PIN, '--pin', USER_PIN];
  await promisify(execFile)('softhsm2-util', ['--init-token', '--free', '--label', LABEL, ...pins], {
    env: { ...process.env, ...token.options.environment },
  });
  return token;
}

async function emptyDirectory(overrides: Partial<HsmPoolOptions>): Promise<PoolToken> {
  const directory = await mkdtemp(join(tmpdir(), 'strongroom-pool-'));
  const path = join(directory, 'softhsm2.conf');
  const tokenDirectory = join(directory, 'tokens');
  await writeSoftHsmConfiguration({ path, tokenDirectory });
  return {
    directory,
    options: {
      module: SOFTHSM_MODULE,
      environment: { SOFTHSM2_CONF: path },
      token: { label: LABEL },
      pin: { value: Buffer.from(USER_PIN) },
      stateDirectory: join(directory, 'state'),
      hosts: 2,
      ...overrides,
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The process of a pool's first host. Throws when there is none: 0 would be a signal to ourselves. */
export function firstPid(pool: HsmPool): number {
  const pid = pool.status().hosts[0]?.pid;
  if (pid === undefined) throw new Error('The pool has no host with a process of its own.');
  return pid;
}
