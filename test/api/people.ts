import { randomUUID } from 'node:crypto';
import { dataDirectory } from '../../src/config/data_directory.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import type { User } from '../../src/identity/embedded/directory_objects.ts';
import { newApplication } from '../../src/identity/embedded/new_application.ts';
import { hashPassword } from '../../src/identity/embedded/password.ts';
import { StoredDirectory } from '../../src/identity/embedded/stored_directory.ts';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { preparePool } from '../../src/start/prepare_pool.ts';
import { SealedDocuments } from '../../src/store/sealed_documents.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import type { RunningServer } from './running_server.ts';

export interface People {
  readonly userName: string;
  readonly password: string;
  readonly userId: string;
  /** Client id of an application that is public. */
  readonly toolId: string;
  /** Where the application of `strongroom env` may send people back to. */
  readonly siteUri: string;
}

const PASSWORD = 'correct horse battery staple';
const SITE_URI = 'https://shop.example/signed-in';

/** Somebody who may use keys, and the applications to do so with. The server stands still meanwhile. */
export async function peopleIn(server: RunningServer): Promise<People> {
  await server.stop();
  const people = await addPeople(server);
  await server.restart();
  const properties = {
    roleDefinitionId: `/providers/Microsoft.Authorization/roleDefinitions/${BUILT_IN_ROLE_IDS.cryptoUser}`,
    principalId: people.userId,
  };
  const path = `/keys/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;
  // A busy machine may be late with the audit record, and says so.
  for (let attempt = 1; ; attempt++) {
    const { status } = await server.send('PUT', path, JSON.stringify({ properties }));
    if (status === 201) break;
    if (status !== 503 || attempt === 5) throw new Error(`The role could not be assigned: ${status}.`);
  }
  return people;
}

async function addPeople({ dataDir, environment }: RunningServer): Promise<People> {
  const configuration = loadConfiguration({ environment: { STRONGROOM_DATA_DIR: dataDir } });
  const files = dataDirectory(dataDir);
  const pool = await HsmPool.open(await preparePool(configuration, files, false));
  const store = await SqliteStore.open(files.store);
  const documents = new SealedDocuments(pool, store);
  const [tenant] = await documents.list<{ id: string }>('tenant');
  if (tenant === undefined) throw new Error('The server has no tenant.');
  const tenantId = tenant.content.id;
  const directory = await StoredDirectory.open(documents, tenantId, (error) => {
    throw error;
  });
  const user: User = {
    id: randomUUID(),
    tenantId,
    userPrincipalName: 'alice@contoso.example',
    displayName: 'Alice',
    isEnabled: true,
    isAdministrator: false,
    password: await hashPassword(PASSWORD),
  };
  const { application, servicePrincipal } = newApplication(tenantId, 'Key tool');
  await directory.add('users', user);
  await directory.add('applications', { ...application, isPublicClient: true, redirectUris: ['http://localhost'] });
  await directory.add('servicePrincipals', servicePrincipal);
  const site = directory.current.findApplication(environment.AZURE_CLIENT_ID ?? '');
  if (site === undefined) throw new Error('The application of the environment is not in the directory.');
  await directory.change('applications', site, (found) => ({ ...found, redirectUris: [SITE_URI] }));
  await pool.close({ drainMs: 1_000 });
  await store.close();
  return {
    userName: user.userPrincipalName,
    password: PASSWORD,
    userId: user.id,
    toolId: application.clientId,
    siteUri: SITE_URI,
  };
}
