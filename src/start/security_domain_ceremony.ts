import { join } from 'node:path';
import { createDataDirectory, type DataDirectory, dataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import {
  bringInPoolKeys,
  type CeremonyTokenOptions,
  lockPool,
  takeOutPoolKeys,
  withCeremonyToken,
} from '../pool/pool_key_ceremony.ts';
import type { Custodian } from '../security_domain/custodian.ts';
import type { DomainFile } from '../security_domain/domain_format.ts';
import { type CustodianKey, checkQuorum, closeDomain, openDomain } from '../security_domain/security_domain.ts';
import { type PreparedToken, prepareTokens } from './prepare_tokens.ts';

/* What is done with the security domain on the machine of the token, by whoever may read its PIN; a server may run meanwhile, or not. */

/** The pool keys for these custodians. May be done again for others, until the pool is locked. @throws StrongroomError */
export async function downloadDomain(
  configuration: Configuration,
  custodians: readonly Custodian[],
  required: number,
): Promise<DomainFile> {
  checkQuorum(custodians, required);
  const { token } = await ceremonyToken(configuration, dataDirectory(configuration.dataDir));
  return closeDomain(await withCeremonyToken(token, takeOutPoolKeys), custodians, required);
}

/** The pool keys of a domain into the configured token, which has none; without one, into a new one of our own. @throws StrongroomError */
export async function recoverDomain(
  configuration: Configuration,
  file: DomainFile,
  keys: readonly CustodianKey[],
): Promise<void> {
  const items = await openDomain(file, keys);
  const files = dataDirectory(configuration.dataDir);
  await createDataDirectory(files);
  const { token, own } = await ceremonyToken(configuration, files);
  const soPin = await own?.soPin();
  try {
    await withCeremonyToken({ ...token, soPin }, (opened) => bringInPoolKeys(opened, items));
  } finally {
    soPin?.fill(0);
  }
}

/** From now on nothing brings the pool keys out of the token, and there will be no other domain of them. @throws StrongroomError */
export async function lockDomain(configuration: Configuration): Promise<void> {
  const { token } = await ceremonyToken(configuration, dataDirectory(configuration.dataDir));
  await withCeremonyToken(token, lockPool);
}

/** The first token of the configuration, for what is done to its pool keys while no host has them. */
export async function ceremonyToken(
  configuration: Configuration,
  files: DataDirectory,
): Promise<{ readonly token: CeremonyTokenOptions; readonly own: PreparedToken['own'] }> {
  const [first] = await prepareTokens(configuration, files);
  if (first === undefined) throw new TypeError('A configuration has at least one token.');
  const { options, own } = first;
  const { module, token, pin, environment = {}, softHsmTokenDirectory } = options;
  const stateDirectory = join(files.path, 'pool');
  return { token: { module, label: token.label, pin, environment, stateDirectory, softHsmTokenDirectory }, own };
}
