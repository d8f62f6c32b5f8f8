import type { AudienceRule } from '../issuer.ts';
import { AttemptBudget } from './attempt_budget.ts';
import {
  type AuthorizationRequest,
  type ReplyAddress,
  readAuthorizationRequest,
  readReplyAddress,
} from './authorization_request.ts';
import type { Delegations } from './delegations.ts';
import type { DeviceCodes, DeviceRequest } from './device_codes.ts';
import type { DirectorySource } from './directory.ts';
import type { Application, Tenant, User } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';
import { findClient } from './known_client.ts';
import { findTenant } from './known_tenant.ts';
import { type SignedInUser, UserAuthenticator } from './user_authenticator.ts';

export interface SignInParts {
  readonly directory: DirectorySource;
  readonly resources: AudienceRule;
  readonly delegations: Delegations;
  readonly deviceCodes: DeviceCodes;
}

/** What a person types, and where. */
export interface ShownCredentials {
  readonly userName: string;
  readonly password: string;
  readonly address: string;
}

/** A device that waits for its person, with who asks on it. */
export interface WaitingDevice {
  readonly userCode: string;
  readonly tenant: Tenant;
  readonly application: Application;
  readonly request: DeviceRequest;
}

/** What people do at the pages of the issuer: let an application act in their name, here or on a device, or not. */
export class SignIns {
  readonly #parts: SignInParts;
  readonly #budget = new AttemptBudget();
  readonly #users: UserAuthenticator;

  constructor(parts: SignInParts) {
    this.#parts = parts;
    this.#users = new UserAuthenticator(parts.directory, this.#budget);
  }

  /** Errors of this are for the person (RFC 6749 §4.1.2.1). @throws EntraError */
  replyAddress(tenantName: string, query: URLSearchParams): ReplyAddress {
    const directory = this.#parts.directory.current;
    return readReplyAddress(query, findTenant(directory, tenantName), directory);
  }

  /** Errors of this are for the application. @throws EntraError */
  request(query: URLSearchParams, reply: ReplyAddress): AuthorizationRequest {
    return readAuthorizationRequest(query, reply, this.#parts.resources);
  }

  /** Who is meant by a name; nobody is told whether that is somebody. */
  userOf(tenant: Tenant, userName: string): User | undefined {
    return this.#users.find(tenant, userName);
  }

  /** The code for the application. @throws EntraError `tooManyRequests`, `userLockedOut`, `wrongPassword` or `userDisabled` */
  async allow(request: AuthorizationRequest, shown: ShownCredentials): Promise<string> {
    const { reply, access, challenge, nonce } = request;
    const signedIn = await this.#users.authenticate({ tenant: reply.tenant, ...shown });
    const { clientId } = reply.application;
    const delegation = delegationOf(signedIn, { tenantId: reply.tenant.id, clientId, access });
    return this.#parts.delegations.addCode({ ...delegation, redirectUri: reply.redirectUri, challenge, nonce });
  }

  /** Codes are few and short, so wrong ones count as guesses. @throws EntraError `tooManyRequests` or `userCodeUnknown` */
  async findDevice(userCode: string, address: string): Promise<WaitingDevice> {
    if (!this.#budget.take(address))
      throw new EntraError('tooManyRequests', 'Too many attempts. Wait for some seconds.');
    const request = await this.#parts.deviceCodes.findOpen(userCode);
    if (request === undefined) throw unknownCode();
    this.#budget.giveBack(address);
    const directory = this.#parts.directory.current;
    const tenant = findTenant(directory, request.tenantId);
    const { application } = findClient(directory, tenant, request.clientId);
    return { userCode, tenant, application, request };
  }

  /** @throws EntraError `tooManyRequests`, `userLockedOut`, `wrongPassword`, `userDisabled` or `userCodeUnknown` */
  async allowDevice({ userCode, tenant, request }: WaitingDevice, shown: ShownCredentials): Promise<void> {
    const signedIn = await this.#users.authenticate({ tenant, ...shown });
    const delegation = delegationOf(signedIn, request);
    const isDecided = await this.#parts.deviceCodes.decide(userCode, { kind: 'allowed', delegation });
    if (!isDecided) throw unknownCode();
  }

  /** @throws EntraError `userCodeUnknown` */
  async declineDevice({ userCode }: WaitingDevice): Promise<void> {
    if (!(await this.#parts.deviceCodes.decide(userCode, { kind: 'declined' }))) throw unknownCode();
  }
}

function delegationOf(
  { user, passwordSalt }: SignedInUser,
  { tenantId, clientId, access }: Pick<DeviceRequest, 'tenantId' | 'clientId' | 'access'>,
) {
  return { tenantId, userId: user.id, clientId, access, signedInMs: Date.now(), passwordSalt };
}

function unknownCode(): EntraError {
  return new EntraError('userCodeUnknown', 'The code is not known, has expired, or has been used.');
}
