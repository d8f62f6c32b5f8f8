import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DirectoryObjects, User } from '../../src/identity/embedded/directory_objects.ts';
import { newApplication } from '../../src/identity/embedded/new_application.ts';
import { hashPassword } from '../../src/identity/embedded/password.ts';
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

const CRYPTO_USER = '21dbd100-6940-42c2-9190-5d6cb909625b';

/** Somebody who may use keys, and the applications to do so. */
export async function peopleIn(server: RunningServer): Promise<People> {
  await server.stop();
  const path = join(server.dataDir, 'identity', 'directory.json');
  const objects = JSON.parse(readFileSync(path, 'utf8')) as DirectoryObjects;
  const [site] = objects.applications;
  if (site === undefined) throw new Error('no application');
  const siteUri = 'https://shop.example/signed-in';
  const { application, servicePrincipal } = newApplication(site.tenantId, 'Key tool');
  const password = 'correct horse battery staple';
  const user: User = {
    id: randomUUID(),
    tenantId: site.tenantId,
    userPrincipalName: 'alice@contoso.example',
    displayName: 'Alice',
    isEnabled: true,
    password: await hashPassword(password),
  };
  const changed: DirectoryObjects = {
    ...objects,
    applications: [
      { ...site, redirectUris: [siteUri] },
      { ...application, isPublicClient: true, redirectUris: ['http://localhost'] },
    ],
    servicePrincipals: [...objects.servicePrincipals, servicePrincipal],
    users: [user],
  };
  writeFileSync(path, JSON.stringify(changed));
  await server.restart();
  await server.send(
    'PUT',
    `/keys/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`,
    JSON.stringify({
      properties: {
        roleDefinitionId: `/providers/Microsoft.Authorization/roleDefinitions/${CRYPTO_USER}`,
        principalId: user.id,
      },
    }),
  );
  return { userName: user.userPrincipalName, password, userId: user.id, toolId: application.clientId, siteUri };
}
