/** Who calls, as a verified access token says it: the `oid` is what role assignments name (Azure API §4.1). */
export interface SecurityPrincipal {
  readonly objectId: string;
  readonly tenantId: string;
  /** The application that asked for the access token; for one that acts on its own behalf the caller itself. */
  readonly applicationId: string | undefined;
  /** Object ids of the groups that the issuer vouches for. */
  readonly groups: readonly string[];
  /** What it is, where the access token says so. For people to read: no right depends on it. */
  readonly kind?: PrincipalKind | undefined;
  /** How the issuer calls it. For people to read: no right depends on it, and two may have the same. */
  readonly name?: string | undefined;
}

/** A group is a principal of role assignments too, but never one that calls. */
export type PrincipalKind = 'user' | 'servicePrincipal' | 'managedIdentity';
