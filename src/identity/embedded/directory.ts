import type { Application, DirectoryObjects, Group, ServicePrincipal, Tenant, User } from './directory_objects.ts';

/** Another name of the pool's own tenant: with it the client libraries skip instance discovery, so that a private issuer needs no code. */
export const HOME_ALIAS = 'adfs';

/** Who there is, at one moment. Never changed: where something changes, another one takes its place. */
export class Directory {
  /** The tenant that the pool belongs to: its principals alone can have roles. */
  readonly homeTenantId: string;
  readonly objects: DirectoryObjects;
  readonly #tenants: ReadonlyMap<string, Tenant>;
  readonly #applications: ReadonlyMap<string, Application>;
  readonly #servicePrincipals: ReadonlyMap<string, ServicePrincipal>;
  readonly #servicePrincipalsById: ReadonlyMap<string, ServicePrincipal>;
  readonly #users: ReadonlyMap<string, User>;
  readonly #usersById: ReadonlyMap<string, User>;
  readonly #groupsOfMember: ReadonlyMap<string, readonly Group[]>;

  constructor(homeTenantId: string, objects: DirectoryObjects) {
    const { tenants, applications, servicePrincipals, users, groups } = objects;
    this.homeTenantId = homeTenantId;
    this.objects = objects;
    this.#tenants = new Map(tenants.map((each) => [each.id, each]));
    this.#applications = new Map(applications.map((each) => [each.clientId, each]));
    this.#servicePrincipals = new Map(servicePrincipals.map((each) => [inTenant(each.tenantId, each.clientId), each]));
    this.#servicePrincipalsById = new Map(servicePrincipals.map((each) => [each.id, each]));
    this.#users = new Map(users.map((each) => [inTenant(each.tenantId, each.userPrincipalName), each]));
    this.#usersById = new Map(users.map((each) => [each.id, each]));
    this.#groupsOfMember = groupsByMember(groups);
  }

  /** By its id, or `adfs`, in any case. */
  findTenant(name: string): Tenant | undefined {
    const id = name.toLowerCase();
    return this.#tenants.get(id === HOME_ALIAS ? this.homeTenantId : id);
  }

  findApplication(clientId: string): Application | undefined {
    return this.#applications.get(clientId.toLowerCase());
  }

  findServicePrincipal(tenantId: string, clientId: string): ServicePrincipal | undefined {
    return this.#servicePrincipals.get(inTenant(tenantId, clientId.toLowerCase()));
  }

  /** By the name that people type, in any case. */
  findUser(tenantId: string, userPrincipalName: string): User | undefined {
    return this.#users.get(inTenant(tenantId, userPrincipalName.toLowerCase()));
  }

  findUserById(id: string): User | undefined {
    return this.#usersById.get(id);
  }

  findServicePrincipalById(id: string): ServicePrincipal | undefined {
    return this.#servicePrincipalsById.get(id);
  }

  /** A user or a service principal that may still act. */
  findActive(objectId: string): User | ServicePrincipal | undefined {
    const principal = this.findUserById(objectId) ?? this.findServicePrincipalById(objectId);
    return principal?.isEnabled ? principal : undefined;
  }

  /** Object ids of the groups that it is in, directly or by way of other groups. */
  groupsOf(objectId: string): readonly string[] {
    const found = new Set<string>();
    const open = [objectId];
    for (let member = open.pop(); member !== undefined; member = open.pop()) {
      for (const { id } of this.#groupsOfMember.get(member) ?? []) {
        if (found.has(id)) continue;
        found.add(id);
        open.push(id);
      }
    }
    return [...found].sort();
  }
}

/** What is the current one, for those that look again with each request. */
export interface DirectorySource {
  readonly current: Directory;
}

function inTenant(tenantId: string, name: string): string {
  return `${tenantId} ${name}`;
}

function groupsByMember(groups: readonly Group[]): ReadonlyMap<string, readonly Group[]> {
  const found = new Map<string, Group[]>();
  for (const group of groups) {
    for (const member of group.members) {
      const known = found.get(member);
      if (known === undefined) found.set(member, [group]);
      else known.push(group);
    }
  }
  return found;
}
