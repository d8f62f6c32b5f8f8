import { dataDirectory } from '../config/data_directory.ts';
import { type KnownIdentities, readKnownIdentities } from '../config/managed_identity_files.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';

/** Prints who processes of this machine may be: name, kind, object id, client id, local users. */
export async function listManagedIdentities(options: SettingOptions): Promise<number> {
  const known = await requireKnownIdentities(options);
  for (const { name, kind, objectId, clientId, localUsers } of known?.identities ?? []) {
    console.log([name, kind, objectId, clientId, localUsers.join(',') || '-'].join('\t'));
  }
  return known === undefined ? 1 : 0;
}

/** Complains where no server has been started yet that gives tokens to managed identities. */
export async function requireKnownIdentities(options: SettingOptions): Promise<KnownIdentities | undefined> {
  const files = dataDirectory(readSettings(options).dataDir);
  const known = await readKnownIdentities(files);
  if (known === undefined) {
    console.error(`No server has been started with ${files.path} and identity.managedIdentityListen yet.`);
  }
  return known;
}
