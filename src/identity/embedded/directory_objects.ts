import type { ClientSecretHash } from './client_secret.ts';
import type { PasswordHash } from './password.ts';

/** A directory of its own: who is in one is nobody in another. */
export interface Tenant {
  readonly id: string;
  readonly displayName: string;
}

/** The registration of an application: how it shows who it is. What it may do hangs on its service principals. */
export interface Application {
  /** Object id of the registration, which no role assignment names. */
  readonly id: string;
  /** What the application calls itself by: `appId` in Graph, `client_id` at the token endpoint. */
  readonly clientId: string;
  /** The tenant that it is registered in. */
  readonly tenantId: string;
  readonly displayName: string;
  /** Whether other tenants may have a service principal of it. */
  readonly isMultiTenant: boolean;
  /** Whether it may ask in the name of a person without showing a secret, as a program must that people have in their hands. */
  readonly isPublicClient: boolean;
  /** Where a person may be sent back to who has signed in for it. */
  readonly redirectUris: readonly string[];
  readonly secrets: readonly ClientSecret[];
  readonly certificates: readonly ClientCertificate[];
  readonly federatedCredentials: readonly FederatedCredential[];
}

export interface ClientSecret {
  readonly keyId: string;
  readonly displayName: string | undefined;
  /** The first characters of the secret, for people to tell one from another. */
  readonly hint: string;
  /** Unix milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly hash: ClientSecretHash;
}

/** A certificate whose key signs assertions in place of a secret. */
export interface ClientCertificate {
  readonly keyId: string;
  readonly displayName: string | undefined;
  readonly pem: string;
  /** Digests of the whole certificate in base64url, as assertions name it (RFC 7515 §4.1.7, §4.1.8). */
  readonly x5t: string;
  readonly x5tS256: string;
  /** Unix milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}

/** A subject of another issuer whose tokens count as the application's assertions. Compared as texts. */
export interface FederatedCredential {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly description: string | undefined;
}

/** An application in one tenant, or what needs no application because a machine vouches for it: the security principal. */
export interface ServicePrincipal {
  /** What role assignments name. */
  readonly id: string;
  readonly clientId: string;
  readonly tenantId: string;
  readonly displayName: string;
  readonly isEnabled: boolean;
  /** Whether it may change the directory. */
  readonly isAdministrator: boolean;
  /** What kind of managed identity it is, if it is one (managed_identity.ts). */
  readonly managedIdentity?: 'systemAssigned' | 'userAssigned';
}

/** A person. */
export interface User {
  readonly id: string;
  readonly tenantId: string;
  /** `name@domain`, in lower case. */
  readonly userPrincipalName: string;
  readonly displayName: string;
  readonly isEnabled: boolean;
  /** Nobody signs in without one. */
  readonly password: PasswordHash | undefined;
  /** Whether they may change the directory. */
  readonly isAdministrator: boolean;
}

export interface Group {
  readonly id: string;
  readonly tenantId: string;
  readonly displayName: string;
  /** Object ids of users, service principals and groups. */
  readonly members: readonly string[];
}

export interface DirectoryObjects {
  readonly tenants: readonly Tenant[];
  readonly applications: readonly Application[];
  readonly servicePrincipals: readonly ServicePrincipal[];
  readonly users: readonly User[];
  readonly groups: readonly Group[];
}
