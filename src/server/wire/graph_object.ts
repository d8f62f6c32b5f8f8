import type {
  Application,
  ClientCertificate,
  ClientSecret,
  FederatedCredential,
  Group,
  ServicePrincipal,
  Tenant,
  User,
} from '../../identity/embedded/directory_objects.ts';

/** Objects of the directory as Microsoft Graph has them (v1.0), with the one mark that is ours. Hashes are never among it. */
export function applicationJson(application: Application): Record<string, unknown> {
  const { id, clientId, displayName, isMultiTenant, isPublicClient, redirectUris } = application;
  return {
    id,
    appId: clientId,
    displayName,
    signInAudience: isMultiTenant ? 'AzureADMultipleOrgs' : 'AzureADMyOrg',
    isFallbackPublicClient: isPublicClient,
    publicClient: { redirectUris },
    passwordCredentials: application.secrets.map((each) => passwordCredentialJson(each)),
    keyCredentials: application.certificates.map(keyCredentialJson),
  };
}

/** `secretText` stands in the answer that makes it, and nowhere else. */
export function passwordCredentialJson(kept: ClientSecret, secretText: string | null = null): Record<string, unknown> {
  const { keyId, displayName, hint, startMs, endMs } = kept;
  return { keyId, displayName: displayName ?? null, hint, ...dates(startMs, endMs), secretText };
}

function keyCredentialJson({ keyId, displayName, x5t, startMs, endMs }: ClientCertificate): Record<string, unknown> {
  return {
    keyId,
    displayName: displayName ?? null,
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
    customKeyIdentifier: Buffer.from(x5t, 'base64url').toString('hex').toUpperCase(),
    ...dates(startMs, endMs),
    key: null,
  };
}

export function federatedCredentialJson(credential: FederatedCredential): Record<string, unknown> {
  const { id, name, issuer, subject, audiences, description } = credential;
  return { id, name, issuer, subject, audiences, description: description ?? null };
}

export function servicePrincipalJson(principal: ServicePrincipal): Record<string, unknown> {
  const { id, clientId, tenantId, displayName, isEnabled, isAdministrator } = principal;
  return {
    '@odata.type': '#microsoft.graph.servicePrincipal',
    id,
    appId: clientId,
    displayName,
    accountEnabled: isEnabled,
    servicePrincipalType: 'Application',
    servicePrincipalNames: [clientId],
    tenantId,
    isDirectoryAdministrator: isAdministrator,
  };
}

export function userJson(user: User): Record<string, unknown> {
  const { id, tenantId, displayName, userPrincipalName, isEnabled, isAdministrator } = user;
  return {
    '@odata.type': '#microsoft.graph.user',
    id,
    displayName,
    userPrincipalName,
    accountEnabled: isEnabled,
    tenantId,
    isDirectoryAdministrator: isAdministrator,
  };
}

export function groupJson({ id, tenantId, displayName }: Group): Record<string, unknown> {
  return { '@odata.type': '#microsoft.graph.group', id, displayName, securityEnabled: true, tenantId };
}

export function tenantJson({ id, displayName }: Tenant): Record<string, unknown> {
  return { id, displayName };
}

function dates(startMs: number, endMs: number): Record<string, unknown> {
  return { startDateTime: new Date(startMs).toISOString(), endDateTime: new Date(endMs).toISOString() };
}
