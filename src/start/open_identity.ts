import { join } from 'node:path';
import type { DataDirectory } from '../config/data_directory.ts';
import { keepPrivateFile, readPrivateFile, writePrivateFile } from '../config/private_file.ts';
import type { Configuration } from '../config/settings.ts';
import { newClientSecret } from '../identity/embedded/client_secret.ts';
import { type Application, type Directory, newDirectory, withApplication } from '../identity/embedded/directory.ts';
import { newSigningKey, readSigningKey, type SigningKey } from '../identity/embedded/signing_key.ts';

export interface OpenedIdentity {
  readonly directory: Directory;
  readonly signingKey: SigningKey;
  /** The application that `strongroom env` speaks for, and its secret in the clear. */
  readonly application: Application;
  readonly secret: string;
}

const FIRST_APPLICATION = 'demo';

/**
 * The built-in issuer's key, tenant and applications: made on the first start, kept from then on. Of a client secret a hash alone is kept
 * here; should the environment file with the secret be gone, a new secret takes its place.
 */
export async function openIdentity(
  configuration: Configuration,
  files: DataDirectory,
  knownSecret: string | undefined,
): Promise<OpenedIdentity> {
  const signingKey = await readSigningKey(
    await keepPrivateFile(join(files.identity, 'signing_key.pem'), newSigningKey),
  );
  const path = join(files.identity, 'directory.json');
  const text = await readPrivateFile(path);
  let directory = text === undefined ? newDirectory(configuration.tenant) : (JSON.parse(text) as Directory);
  if (configuration.tenant !== undefined) directory = { ...directory, tenantId: configuration.tenant };
  const known = directory.applications.find((each) => each.displayName === FIRST_APPLICATION);
  const secret = known !== undefined && knownSecret !== undefined ? knownSecret : newClientSecret();
  if (secret !== knownSecret) directory = await withApplication(directory, FIRST_APPLICATION, secret);
  const application = directory.applications.find((each) => each.displayName === FIRST_APPLICATION);
  if (application === undefined) throw new TypeError('The directory has lost its first application.');
  const kept = `${JSON.stringify(directory, undefined, 2)}\n`;
  if (kept !== text) await writePrivateFile(path, kept);
  return { directory, signingKey, application, secret };
}
