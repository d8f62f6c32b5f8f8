import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ConfigurationError } from '../config/configuration_error.ts';
import type { DataDirectory } from '../config/data_directory.ts';
import { hostNames, originOf } from '../config/host_names.ts';
import { writeKnownIdentities } from '../config/managed_identity_files.ts';
import { keepPrivateFile } from '../config/private_file.ts';
import type { Configuration } from '../config/settings.ts';
import { Audiences } from '../identity/audience.ts';
import { derivedGuid } from '../identity/derived_guid.ts';
import { IdentitiesFileError, type ListedIdentity, readIdentitiesFile } from '../identity/embedded/identities_file.ts';
import { ManagedIdentities } from '../identity/embedded/managed_identities.ts';
import { type LocalIdentity, type ManagedIdentity, resourceIdOf } from '../identity/embedded/managed_identity.ts';
import type { StoredDirectory } from '../identity/embedded/stored_directory.ts';
import { TokenMint } from '../identity/embedded/token_mint.ts';
import { StrongroomError } from '../model/errors.ts';
import { APP_SERVICE_PATH } from '../server/managed_identity/identity_request.ts';
import {
  ManagedIdentityServer,
  type ManagedIdentityServerOptions,
} from '../server/managed_identity/managed_identity_server.ts';
import type { OpenedIdentity } from './open_identity.ts';

type Reporting = Pick<ManagedIdentityServerOptions, 'audit' | 'log'>;

const HEADER_BYTES = 32;

/**
 * Gives access tokens to processes of this machine where the operator has said so, and writes down what they need to ask. Identities of new
 * names are made in the directory.
 * @throws ConfigurationError, StrongroomError `StoreTampered`, `ServiceUnavailable`
 */
export async function openManagedIdentities(
  configuration: Configuration,
  files: DataDirectory,
  { tenantId, directory, keys }: Pick<OpenedIdentity, 'tenantId' | 'directory' | 'keys'>,
  reporting: Reporting,
): Promise<ManagedIdentityServer | undefined> {
  const { managedIdentityListen: addresses, managedIdentitiesFile } = configuration.identity;
  const [first] = addresses;
  if (first === undefined || managedIdentitiesFile === undefined) return undefined;
  const listed = await readIdentities(managedIdentitiesFile);
  const local: LocalIdentity[] = [];
  for (const each of listed) {
    local.push({ identity: await ensureIdentity(directory, tenantId, each), localUsers: each.localUsers });
  }
  const header = await keepPrivateFile(join(files.identity, 'managed_identity_header'), newHeader);
  const identities = new ManagedIdentities({
    local,
    directory,
    mint: new TokenMint(keys),
    resources: new Audiences(configuration.domain),
    origin: originOf(hostNames(configuration).login, configuration.listen[0]?.port ?? 0),
  });
  const host = first.host.includes(':') ? `[${first.host}]` : first.host;
  await writeKnownIdentities(files, {
    endpoint: `http://${host}:${first.port}${APP_SERVICE_PATH}`,
    header,
    identities: local.map(({ identity, localUsers }) => ({
      name: identity.displayName,
      kind: identity.managedIdentity,
      objectId: identity.id,
      clientId: identity.clientId,
      resourceId: resourceIdOf(identity),
      localUsers,
    })),
  });
  return ManagedIdentityServer.open({ ...reporting, addresses, identities, header });
}

function newHeader(): string {
  return randomBytes(HEADER_BYTES).toString('base64url');
}

async function readIdentities(path: string): Promise<readonly ListedIdentity[]> {
  try {
    return await readIdentitiesFile(path);
  } catch (error) {
    if (!(error instanceof IdentitiesFileError)) throw error;
    throw unusable(error.message);
  }
}

/** The one of this name; several servers may make it at once, and it is one all the same. */
async function ensureIdentity(
  directory: StoredDirectory,
  tenantId: string,
  { name, kind }: ListedIdentity,
): Promise<ManagedIdentity> {
  // It follows from the name, so that the store can hold it once.
  const clientId = derivedGuid('strongroom managed identity', tenantId, name);
  const made = { id: randomUUID(), clientId, tenantId, displayName: name, managedIdentity: kind };
  if (directory.current.findServicePrincipal(tenantId, clientId) === undefined) {
    await directory
      .add('servicePrincipals', { ...made, isEnabled: true, isAdministrator: false })
      .catch((error: unknown) => {
        if (!(error instanceof StrongroomError) || error.innerCode !== 'ObjectExists') throw error;
      });
  }
  const found = directory.current.findServicePrincipal(tenantId, clientId);
  if (found?.managedIdentity !== kind) throw unusable(`The managed identity ${name} is not ${kind} in the store.`);
  return { ...made, id: found.id };
}

function unusable(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'identity.managedIdentitiesFile', message }]);
}
