import { Directory } from '../../../src/identity/embedded/directory.ts';
import type { DirectoryObjects, Group, User } from '../../../src/identity/embedded/directory_objects.ts';

export const TENANT = '11111111-2222-3333-4444-555555555555';

export function directoryOf(objects: Partial<DirectoryObjects>): Directory {
  const tenants = [{ id: TENANT, displayName: 'test' }];
  return new Directory(TENANT, { tenants, applications: [], servicePrincipals: [], users: [], groups: [], ...objects });
}

export function group(id: string, ...members: string[]): Group {
  return { id, tenantId: TENANT, displayName: id, members };
}

export function user(userPrincipalName: string): User {
  return {
    id: `id of ${userPrincipalName}`,
    tenantId: TENANT,
    userPrincipalName,
    displayName: userPrincipalName.toUpperCase(),
    isEnabled: true,
    isAdministrator: false,
    password: undefined,
  };
}
