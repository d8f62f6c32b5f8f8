import type { ServicePrincipal } from './directory_objects.ts';

/** A service principal without a secret: to be a process of a certain local user is to be it. */
export type ManagedIdentity = Pick<ServicePrincipal, 'id' | 'clientId' | 'tenantId' | 'displayName'> & {
  /** What a local user is without naming any is its `systemAssigned` identity. */
  readonly managedIdentity: 'systemAssigned' | 'userAssigned';
};

/** One that processes of this machine may be, by the local user (uid) that they belong to. */
export interface LocalIdentity {
  readonly identity: ManagedIdentity;
  readonly localUsers: readonly number[];
}

/** How a process names one of its identities. */
export interface IdentityName {
  readonly member: 'clientId' | 'id' | 'resourceId';
  readonly value: string;
}

/** In the words of Azure's resource manager, which `msi_res_id` and the claim `xms_mirid` take. */
export function resourceIdOf({ tenantId, managedIdentity, displayName }: ManagedIdentity): string {
  const group = `/subscriptions/${tenantId}/resourcegroups/strongroom/providers`;
  return managedIdentity === 'userAssigned'
    ? `${group}/Microsoft.ManagedIdentity/userAssignedIdentities/${displayName}`
    : `${group}/Microsoft.Compute/virtualMachines/${displayName}`;
}

/**
 * Which of the identities of a local user is meant: the one that is named; else the one of the system, or the only one there is. `undefined`
 * where that is none, or not clear.
 */
export function chooseIdentity(
  identities: readonly ManagedIdentity[],
  name: IdentityName | undefined,
): ManagedIdentity | undefined {
  if (name === undefined) {
    const ofSystem = identities.find(({ managedIdentity }) => managedIdentity === 'systemAssigned');
    return ofSystem ?? (identities.length === 1 ? identities[0] : undefined);
  }
  const value = name.value.toLowerCase();
  return identities.find((each) => READERS[name.member](each).toLowerCase() === value);
}

const READERS: Readonly<Record<IdentityName['member'], (identity: ManagedIdentity) => string>> = {
  clientId: ({ clientId }) => clientId,
  id: ({ id }) => id,
  resourceId: resourceIdOf,
};
