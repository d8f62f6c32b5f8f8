import { randomUUID } from 'node:crypto';
import { badParameter, StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { newClientSecret } from './client_secret.ts';
import type {
  Application,
  ClientCertificate,
  ClientSecret,
  FederatedCredential,
  Group,
  ServicePrincipal,
  Tenant,
  User,
} from './directory_objects.ts';
import { keptSecret, newApplication } from './new_application.ts';
import { hashPassword, type PasswordHash, passwordComplaint } from './password.ts';
import { isRedirectUri } from './redirect_uri.ts';
import type { StoredDirectory } from './stored_directory.ts';

export interface ApplicationRequest {
  readonly displayName: string;
  readonly isMultiTenant: boolean;
  readonly isPublicClient: boolean;
  readonly redirectUris: readonly string[];
}

export interface UserRequest {
  readonly userPrincipalName: string;
  readonly displayName: string;
  readonly isEnabled: boolean;
  readonly password: string | undefined;
}

export interface NewSecret {
  readonly kept: ClientSecret;
  /** Shown this once. */
  readonly secret: string;
}

/** What administrators do to the directory. Everything throws what the stored directory throws. */
export class DirectoryChanges {
  readonly #directory: StoredDirectory;

  constructor(directory: StoredDirectory) {
    this.#directory = directory;
  }

  async createTenant(displayName: string): Promise<Tenant> {
    const tenant = { id: randomUUID(), displayName };
    await this.#directory.add('tenants', tenant);
    return tenant;
  }

  /** The registration alone: what it may do hangs on a service principal. */
  async createApplication(tenantId: string, request: ApplicationRequest): Promise<Application> {
    const wrong = request.redirectUris.find((uri) => !isRedirectUri(uri));
    if (wrong !== undefined) {
      const expected = 'https, a scheme of the program with a dot in it, or http for this machine, without a fragment';
      throw badParameter('redirectUris', expected, wrong);
    }
    const application = { ...newApplication(tenantId, request.displayName).application, ...request };
    await this.#directory.add('applications', application);
    return application;
  }

  /** Its service principals first: an application that is gone must not leave one behind that has roles. */
  async deleteApplication(application: Application): Promise<void> {
    const { servicePrincipals } = this.#directory.current.objects;
    for (const each of servicePrincipals.filter(({ clientId }) => clientId === application.clientId)) {
      await this.deleteServicePrincipal(each);
    }
    await this.#directory.remove('applications', application);
  }

  /** @throws StrongroomError `BadParameter` when it has as many as it may */
  async addSecret(
    application: Application,
    displayName: string | undefined,
    dates: { readonly startMs: number; readonly endMs: number | undefined },
  ): Promise<NewSecret> {
    const secret = newClientSecret();
    const kept = await keptSecret(secret, displayName, dates.startMs, dates.endMs);
    await this.#directory.change('applications', application, (now) => ({
      ...now,
      secrets: withOneMore(now.secrets, kept),
    }));
    return { kept, secret };
  }

  async removeSecret(application: Application, keyId: string): Promise<void> {
    await this.#directory.change('applications', application, (now) => ({
      ...now,
      secrets: withoutOne(now.secrets, (each) => each.keyId === keyId, 'secret'),
    }));
  }

  async addCertificate(application: Application, certificate: ClientCertificate): Promise<void> {
    await this.#directory.change('applications', application, (now) => ({
      ...now,
      certificates: withOneMore(now.certificates, certificate),
    }));
  }

  async removeCertificate(application: Application, keyId: string): Promise<void> {
    await this.#directory.change('applications', application, (now) => ({
      ...now,
      certificates: withoutOne(now.certificates, (each) => each.keyId === keyId, 'certificate'),
    }));
  }

  async addFederatedCredential(
    application: Application,
    request: Omit<FederatedCredential, 'id'>,
  ): Promise<FederatedCredential> {
    const credential = { id: randomUUID(), ...request };
    await this.#directory.change('applications', application, (now) => {
      if (now.federatedCredentials.some(({ name }) => name === request.name)) throw exists();
      return { ...now, federatedCredentials: withOneMore(now.federatedCredentials, credential) };
    });
    return credential;
  }

  async removeFederatedCredential(application: Application, id: string): Promise<void> {
    await this.#directory.change('applications', application, (now) => ({
      ...now,
      federatedCredentials: withoutOne(now.federatedCredentials, (each) => each.id === id, 'credential'),
    }));
  }

  /** @throws StrongroomError `Forbidden` when the application is another tenant's alone */
  async createServicePrincipal(tenantId: string, application: Application): Promise<ServicePrincipal> {
    const { clientId, displayName, isMultiTenant } = application;
    if (application.tenantId !== tenantId && !isMultiTenant) {
      throw new StrongroomError('Forbidden', 'The application is not for other tenants than its own.');
    }
    const principal = {
      id: randomUUID(),
      clientId,
      tenantId,
      displayName,
      isEnabled: true,
      isAdministrator: false,
    };
    await this.#directory.add('servicePrincipals', principal);
    return principal;
  }

  async changeServicePrincipal(
    principal: ServicePrincipal,
    changes: Partial<Pick<ServicePrincipal, 'isEnabled' | 'isAdministrator'>>,
  ): Promise<void> {
    if (changes.isEnabled === false || changes.isAdministrator === false) this.#requireOther(principal);
    await this.#directory.change('servicePrincipals', principal, (now) => ({ ...now, ...changes }));
  }

  async deleteServicePrincipal(principal: ServicePrincipal): Promise<void> {
    this.#requireOther(principal);
    await this.#directory.remove('servicePrincipals', principal);
    await this.#forgetMember(principal.id);
  }

  async createUser(tenantId: string, { password, ...request }: UserRequest): Promise<User> {
    const user: User = {
      ...request,
      id: randomUUID(),
      tenantId,
      userPrincipalName: request.userPrincipalName.toLowerCase(),
      isAdministrator: false,
      password: password === undefined ? undefined : await newPassword(password, request.userPrincipalName),
    };
    await this.#directory.add('users', user);
    return user;
  }

  async changeUser(
    user: User,
    {
      password,
      ...changes
    }: Partial<Pick<User, 'displayName' | 'isEnabled' | 'isAdministrator'>> & { password?: string },
  ): Promise<void> {
    if (changes.isEnabled === false || changes.isAdministrator === false) this.#requireOther(user);
    const hashed = password === undefined ? {} : { password: await newPassword(password, user.userPrincipalName) };
    await this.#directory.change('users', user, (now) => ({ ...now, ...changes, ...hashed }));
  }

  async deleteUser(user: User): Promise<void> {
    this.#requireOther(user);
    await this.#directory.remove('users', user);
    await this.#forgetMember(user.id);
  }

  async createGroup(tenantId: string, displayName: string): Promise<Group> {
    const group = { id: randomUUID(), tenantId, displayName, members: [] };
    await this.#directory.add('groups', group);
    return group;
  }

  async deleteGroup(group: Group): Promise<void> {
    await this.#directory.remove('groups', group);
    await this.#forgetMember(group.id);
  }

  /** @throws StrongroomError `Conflict` when it is in the group already, `BadParameter` when it cannot be */
  async addMember(group: Group, memberId: string): Promise<void> {
    if (memberId === group.id) throw badParameter('@odata.id', 'another object than the group itself', memberId);
    await this.#directory.change('groups', group, (now) => {
      if (now.members.includes(memberId)) throw exists();
      if (now.members.length >= LIMITS.groupMembers) {
        throw badParameter('@odata.id', `a member of a group that has fewer than ${LIMITS.groupMembers}`, memberId);
      }
      return { ...now, members: [...now.members, memberId] };
    });
  }

  async removeMember(group: Group, memberId: string): Promise<void> {
    await this.#directory.change('groups', group, (now) => ({
      ...now,
      members: withoutOne(now.members, (each) => each === memberId, 'member'),
    }));
  }

  /** Without an administrator nobody could ever make one. @throws StrongroomError `Conflict` (`LastAdministrator`) */
  #requireOther({ id, isAdministrator }: ServicePrincipal | User): void {
    if (!isAdministrator) return;
    const { homeTenantId, objects } = this.#directory.current;
    const others = [...objects.servicePrincipals, ...objects.users].filter(
      (each) => each.tenantId === homeTenantId && each.isAdministrator && each.isEnabled && each.id !== id,
    );
    if (others.length > 0) return;
    const message = 'It is the last administrator of the directory: make another one first.';
    throw new StrongroomError('Conflict', message, { innerCode: 'LastAdministrator' });
  }

  async #forgetMember(id: string): Promise<void> {
    for (const group of this.#directory.current.objects.groups.filter(({ members }) => members.includes(id))) {
      await this.removeMember(group, id);
    }
  }
}

/** @throws StrongroomError `BadParameter` (`PasswordUnacceptable`) when it is too short, too long, or not worth guessing */
async function newPassword(password: string, userName: string): Promise<PasswordHash> {
  const complaint = passwordComplaint(password, userName);
  if (complaint === undefined) return hashPassword(password);
  throw new StrongroomError('BadParameter', complaint, { innerCode: 'PasswordUnacceptable' });
}

function withOneMore<T>(list: readonly T[], item: T): readonly T[] {
  if (list.length < LIMITS.credentialsPerApplication) return [...list, item];
  const message = `An application has no more than ${LIMITS.credentialsPerApplication} credentials of a kind.`;
  throw new StrongroomError('BadParameter', message, { innerCode: 'DirectoryQuotaExceeded' });
}

function withoutOne<T>(list: readonly T[], isIt: (item: T) => boolean, what: string): readonly T[] {
  const rest = list.filter((item) => !isIt(item));
  if (rest.length === list.length) throw new StrongroomError('NotFound', `There is no such ${what}.`);
  return rest;
}

function exists(): StrongroomError {
  return new StrongroomError('Conflict', 'There is one of that name already.', { innerCode: 'ObjectExists' });
}
