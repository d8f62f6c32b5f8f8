import { randomUUID } from 'node:crypto';
import { hashClientSecret } from './client_secret.ts';
import type { Application, ClientSecret, ServicePrincipal } from './directory_objects.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long a secret is good for, unless its maker says: what Graph has it be. */
const SECRET_LIFETIME_MS = 730 * DAY_MS;
const HINT_CHARACTERS = 3;

/** An application without any credentials, and its principal in the tenant that it is registered in. */
export function newApplication(
  tenantId: string,
  displayName: string,
): { readonly application: Application; readonly servicePrincipal: ServicePrincipal } {
  const clientId = randomUUID();
  return {
    application: {
      id: randomUUID(),
      clientId,
      tenantId,
      displayName,
      isMultiTenant: false,
      isPublicClient: false,
      redirectUris: [],
      secrets: [],
      certificates: [],
      federatedCredentials: [],
    },
    servicePrincipal: { id: randomUUID(), clientId, tenantId, displayName, isEnabled: true, isAdministrator: false },
  };
}

/** A secret as the directory keeps it. Dates in unix milliseconds. */
export async function keptSecret(
  secret: string,
  displayName: string | undefined,
  startMs: number,
  endMs: number = startMs + SECRET_LIFETIME_MS,
): Promise<ClientSecret> {
  return {
    keyId: randomUUID(),
    displayName,
    hint: secret.slice(0, HINT_CHARACTERS),
    startMs,
    endMs,
    hash: await hashClientSecret(secret),
  };
}
