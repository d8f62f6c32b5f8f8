import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../config/configuration_error.ts';
import { type DataDirectory, ownTokenDirectory } from '../config/data_directory.ts';
import { keepPrivateFile } from '../config/private_file.ts';
import { startProvisioning } from '../pkcs11/provisioning.ts';
import { writeSoftHsmConfiguration } from '../pkcs11/softhsm_configuration.ts';
import { mendSoftHsmTokenFiles, mendSoftHsmTokens } from '../pkcs11/softhsm_token_files.ts';

const FIRST_LABEL = 'strongroom';
const SOFTHSM_PATHS = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];
const PIN_BYTES = 24;

/**
 * A SoftHSM token in the data directory that is ours to make, with PINs that nobody has to know. Each has a configuration and a directory of
 * its own: SoftHSM reads every token of its directory when it starts, so what is wrong with one would be wrong with all.
 */
export class OwnToken {
  readonly module: string;
  readonly label: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Where its SoftHSM keeps it. */
  readonly tokenDirectory: string;
  readonly userPinFile: string;
  readonly isFirst: boolean;
  readonly #directory: string;

  /** The first is 1. @throws ConfigurationError where SoftHSM is not installed */
  constructor(files: DataDirectory, place: number) {
    this.module = softHsmModule();
    this.label = ownTokenLabel(place);
    this.isFirst = place === 1;
    this.#directory = ownTokenDirectory(files, place);
    this.environment = { SOFTHSM2_CONF: this.#configuration };
    this.tokenDirectory = join(this.#directory, 'tokens');
    this.userPinFile = join(this.#directory, 'user_pin');
  }

  /** What SoftHSM wants to find before it is loaded. */
  async writeConfiguration(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await writeSoftHsmConfiguration({ path: this.#configuration, tokenDirectory: this.tokenDirectory });
  }

  /** It was made once, whether it is there now or not: what is lost since is not made anew. */
  async wasMade(): Promise<boolean> {
    return existsSync(this.#copies) && (await readdir(this.#copies)).length > 0;
  }

  /** Makes sure of the token, and of pool keys in it unless those of another are to come. */
  async provision(makesPoolKeys: boolean): Promise<void> {
    const { module, environment, label, tokenDirectory: softHsmTokenDirectory } = this;
    const userPin = await this.#pin(this.userPinFile);
    const soPin = await this.soPin();
    try {
      const request = { module, environment, label, soPin, userPin, softHsmTokenDirectory, makesPoolKeys };
      await startProvisioning(request);
    } finally {
      userPin.fill(0);
      soPin.fill(0);
    }
  }

  /** Of the token, made with the first call, as the user PIN is; the caller zeroises it. */
  async soPin(): Promise<Buffer> {
    await keepPrivateFile(this.userPinFile, newPin);
    return this.#pin(join(this.#directory, 'so_pin'));
  }

  /** Puts in order what somebody has left who was killed. No library may have the token open meanwhile. */
  async mend(): Promise<void> {
    await mendSoftHsmTokens(this.tokenDirectory, this.#copies);
  }

  /** Puts in order what a login has left that was cut off, while other libraries may have the token open. */
  async mendFile(): Promise<void> {
    await mendSoftHsmTokenFiles(this.tokenDirectory, this.#copies);
  }

  get #configuration(): string {
    return join(this.#directory, 'softhsm2.conf');
  }

  get #copies(): string {
    return join(this.#directory, 'copies');
  }

  async #pin(path: string): Promise<Buffer> {
    return Buffer.from(await keepPrivateFile(path, newPin), 'utf8');
  }
}

/** The labels of tokens that were made here once, beyond the first so many. */
export async function ownTokensBeyond(files: DataDirectory, count: number): Promise<readonly string[]> {
  const places = (await readdir(files.path)).map((name) => Number(/^token_(\d{1,2})$/.exec(name)?.[1] ?? 0));
  return places
    .filter((place) => place > count)
    .sort((one, other) => one - other)
    .map(ownTokenLabel);
}

function ownTokenLabel(place: number): string {
  return place === 1 ? FIRST_LABEL : `${FIRST_LABEL}-${place}`;
}

function softHsmModule(): string {
  const module = SOFTHSM_PATHS.find((path) => existsSync(path));
  if (module !== undefined) return module;
  const message = 'Expected the path of a PKCS#11 module, because SoftHSM is not installed (apt install softhsm2).';
  throw new ConfigurationError([{ path: 'hsm.module', message }]);
}

const newPin = (): string => randomBytes(PIN_BYTES).toString('hex');
