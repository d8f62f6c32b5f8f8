import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProvisioning } from '../src/pkcs11/provisioning.ts';
import { writeSoftHsmConfiguration } from '../src/pkcs11/softhsm_configuration.ts';

/** A SoftHSM token of the bench's own, with the pool keys in it, as `strongroom start` would have set it up. */
export interface ScratchToken {
  readonly module: string;
  readonly label: string;
  readonly serial: string;
  readonly pin: string;
  /** Everything of this run: token, configuration, stores. */
  readonly directory: string;
  /** What a process needs in its environment to see the token. */
  readonly environment: Readonly<Record<string, string>>;
  remove(): void;
}

export interface ScratchTokenOptions {
  /** SoftHSM as Debian configures it, with all of its mechanisms, instead of the short list that Strongroom writes. */
  readonly allMechanisms: boolean;
}

const MODULES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'];
const LABEL = 'strongroom bench';

const directories = new Set<string>();
// Also when the run ends early: what is in there holds keys and PINs, if only of a bench.
process.once('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

export async function makeScratchToken({ allMechanisms }: ScratchTokenOptions): Promise<ScratchToken> {
  const module = MODULES.find((path) => existsSync(path));
  if (module === undefined) throw new Error(`SoftHSM is not installed: none of ${MODULES.join(', ')} is there`);
  const directory = await mkdtemp(join(tmpdir(), 'strongroom-bench-'));
  directories.add(directory);
  const path = join(directory, 'softhsm2.conf');
  const tokenDirectory = join(directory, 'tokens');
  await writeSoftHsmConfiguration({ path, tokenDirectory });
  if (allMechanisms) {
    await writeFile(path, `directories.tokendir = ${tokenDirectory}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  }
  const environment = { SOFTHSM2_CONF: path };
  const pin = String(randomInt(10_000_000, 99_999_999));
  const { serial } = await startProvisioning({
    module,
    environment,
    label: LABEL,
    soPin: Buffer.from(randomBytes(12).toString('hex')),
    userPin: Buffer.from(pin),
  });
  return {
    module,
    label: LABEL,
    serial: serial.trim(),
    pin,
    directory,
    environment,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
