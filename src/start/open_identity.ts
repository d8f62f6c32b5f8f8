import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DataDirectory } from '../config/data_directory.ts';
import { keepPrivateFile, readPrivateFile, writePrivateFile } from '../config/private_file.ts';
import type { Configuration } from '../config/settings.ts';
import { newClientSecret } from '../identity/embedded/client_secret.ts';
import { Directory } from '../identity/embedded/directory.ts';
import type { DirectoryObjects, ServicePrincipal } from '../identity/embedded/directory_objects.ts';
import { keptSecret, newApplication } from '../identity/embedded/new_application.ts';
import { newSigningKey, readSigningKey, type SigningKey } from '../identity/embedded/signing_key.ts';

export interface OpenedIdentity {
  readonly directory: Directory;
  readonly signingKey: SigningKey;
  /** That of the application that `strongroom env` speaks for, and the application's secret in the clear. */
  readonly servicePrincipal: ServicePrincipal;
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
  const kept = text === undefined ? firstObjects(configuration.tenant) : (JSON.parse(text) as DirectoryObjects);
  const secret = text !== undefined && knownSecret !== undefined ? knownSecret : newClientSecret();
  const objects = secret === knownSecret ? kept : await withSecret(kept, secret);
  const [servicePrincipal] = objects.servicePrincipals;
  if (servicePrincipal === undefined) throw new TypeError('The directory has lost its first application.');
  if (objects !== kept) await writePrivateFile(path, `${JSON.stringify(objects, undefined, 2)}\n`);
  return { directory: new Directory(servicePrincipal.tenantId, objects), signingKey, servicePrincipal, secret };
}

function firstObjects(tenantId: string = randomUUID()): DirectoryObjects {
  const { application, servicePrincipal } = newApplication(tenantId, FIRST_APPLICATION);
  return {
    tenants: [{ id: tenantId, displayName: 'Strongroom' }],
    applications: [application],
    servicePrincipals: [servicePrincipal],
    users: [],
    groups: [],
  };
}

async function withSecret(objects: DirectoryObjects, secret: string): Promise<DirectoryObjects> {
  const [first, ...others] = objects.applications;
  if (first === undefined) return objects;
  return {
    ...objects,
    applications: [{ ...first, secrets: [await keptSecret(secret, undefined, Date.now())] }, ...others],
  };
}
