import { randomUUID } from 'node:crypto';
import { type ClientSecretHash, hashClientSecret } from './client_secret.ts';

/** A service principal with the secrets it may show. */
export interface Application {
  readonly clientId: string;
  /** What role assignments name: the object id of the service principal. */
  readonly objectId: string;
  readonly displayName: string;
  readonly secrets: readonly ClientSecretHash[];
}

/** The tenant of the built-in issuer and who is in it, as kept in the data directory. */
export interface Directory {
  readonly tenantId: string;
  readonly applications: readonly Application[];
}

export function newDirectory(tenantId: string | undefined): Directory {
  return { tenantId: tenantId ?? randomUUID(), applications: [] };
}

export function findApplication(directory: Directory, clientId: string): Application | undefined {
  return directory.applications.find((each) => each.clientId === clientId);
}

/** The directory with a new application in it, or with a new secret in place of all secrets of the one that has this name. */
export async function withApplication(directory: Directory, displayName: string, secret: string): Promise<Directory> {
  const known = directory.applications.find((each) => each.displayName === displayName);
  const application: Application = {
    clientId: known?.clientId ?? randomUUID(),
    objectId: known?.objectId ?? randomUUID(),
    displayName,
    secrets: [await hashClientSecret(secret)],
  };
  return { ...directory, applications: [...directory.applications.filter((each) => each !== known), application] };
}
