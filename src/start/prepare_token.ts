import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../config/configuration_error.ts';
import type { DataDirectory } from '../config/data_directory.ts';
import { keepPrivateFile } from '../config/private_file.ts';
import type { Configuration } from '../config/settings.ts';
import { startProvisioning } from '../pkcs11/provisioning.ts';
import { writeSoftHsmConfiguration } from '../pkcs11/softhsm_configuration.ts';
import { MODULE_PARAMETERS_VARIABLE } from '../pkcs11/vendor_environment.ts';
import type { HsmPoolOptions } from '../pool/pool_options.ts';
import { heldPin } from './held_pin.ts';

/** Which token, and how to make it when it is ours to make. */
export interface PreparedToken {
  readonly options: Pick<HsmPoolOptions, 'module' | 'token' | 'pin' | 'environment' | 'softHsmTokenDirectory'>;
  /** Absent for a token of the operator's: those are never initialised here. */
  readonly own: OwnToken | undefined;
}

/** A token that is ours to make, with PINs that nobody has to know. */
export interface OwnToken {
  /** Of the token, made with the first call; the caller zeroises it. */
  soPin(): Promise<Buffer>;
  provision(): Promise<void>;
}

export const OWN_LABEL = 'strongroom';
const SOFTHSM_PATHS = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];
const PIN_BYTES = 24;

/** The configured token; without one, a SoftHSM of our own in the data directory, with PINs that nobody has to know. */
export async function prepareToken({ hsm }: Configuration, directory: DataDirectory): Promise<PreparedToken> {
  if (hsm.module !== undefined && hsm.tokenLabel !== undefined) {
    const pin = hsm.pinFile === undefined ? heldPin(hsm.pinVariable ?? '') : { file: hsm.pinFile };
    const { module, tokenLabel: label } = hsm;
    return { options: { module, token: { label }, pin, environment: operatorsEnvironment(hsm) }, own: undefined };
  }
  const module = softHsmModule();
  const files = ownTokenFiles(directory);
  const softHsmTokenDirectory = files.tokens;
  await mkdir(directory.token, { recursive: true, mode: 0o700 });
  await writeSoftHsmConfiguration({ path: files.configuration, tokenDirectory: softHsmTokenDirectory });
  const environment = { SOFTHSM2_CONF: files.configuration };
  return {
    options: { module, token: { label: OWN_LABEL }, pin: { file: files.userPin }, environment, softHsmTokenDirectory },
    own: {
      soPin: async () => {
        await keepPrivateFile(files.userPin, newPin);
        return keepPin(files.soPin);
      },
      provision: async () => {
        const userPin = await keepPin(files.userPin);
        const soPin = await keepPin(files.soPin);
        try {
          await startProvisioning({ module, environment, label: OWN_LABEL, soPin, userPin, softHsmTokenDirectory });
        } finally {
          userPin.fill(0);
          soPin.fill(0);
        }
      },
    },
  };
}

/** What a module of the operator's is told. */
export function operatorsEnvironment({ moduleParameters }: Configuration['hsm']): Record<string, string> {
  return moduleParameters === undefined ? {} : { [MODULE_PARAMETERS_VARIABLE]: moduleParameters };
}

export interface OwnTokenFiles {
  readonly configuration: string;
  readonly tokens: string;
  readonly userPin: string;
  readonly soPin: string;
}

export function ownTokenFiles({ token }: DataDirectory): OwnTokenFiles {
  return {
    configuration: join(token, 'softhsm2.conf'),
    tokens: join(token, 'tokens'),
    userPin: join(token, 'user_pin'),
    soPin: join(token, 'so_pin'),
  };
}

export function softHsmModule(): string {
  const module = SOFTHSM_PATHS.find((path) => existsSync(path));
  if (module !== undefined) return module;
  const message = 'Expected the path of a PKCS#11 module, because SoftHSM is not installed (apt install softhsm2).';
  throw new ConfigurationError([{ path: 'hsm.module', message }]);
}

async function keepPin(path: string): Promise<Buffer> {
  return Buffer.from(await keepPrivateFile(path, newPin), 'utf8');
}

const newPin = (): string => randomBytes(PIN_BYTES).toString('hex');
