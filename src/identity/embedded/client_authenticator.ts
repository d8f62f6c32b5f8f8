import { LIMITS } from '../../model/limits.ts';
import { ClientAssertions } from './client_assertions.ts';
import { readClientCredentials } from './client_credentials.ts';
import { isClientSecret, NO_SECRET } from './client_secret.ts';
import { type Directory, type DirectorySource, HOME_ALIAS } from './directory.ts';
import type { Application } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';
import type { FederatedKeys } from './federated_keys.ts';
import { findClient, type KnownClient } from './known_client.ts';
import type { TokenRequest } from './token_request.ts';
import { Turns } from './turns.ts';

/** How a client has shown who it is. */
export type ClientAuthentication = 'none' | 'secret' | 'assertion';

export interface AuthenticatedClient extends KnownClient {
  readonly authentication: ClientAuthentication;
}

/** Of the token endpoint, and of the issuer where clients name that in its place (RFC 7523 §3). */
const ENDPOINT_PATHS = ['/oauth2/v2.0/token', '/oauth2/token', '/v2.0', '/'];

/**
 * Tells whether clients are who they say, a few at a time: hashing is slow and takes memory on purpose, and must not be a way to exhaust
 * either. A client that is not known costs what one costs that is.
 */
export class ClientAuthenticator {
  readonly #directory: DirectorySource;
  readonly #assertions: ClientAssertions;
  readonly #turns = new Turns(
    LIMITS.clientSecretChecks,
    LIMITS.clientSecretChecksWaiting,
    () => new EntraError('tooManyRequests', 'Too many requests at once.'),
  );

  constructor(directory: DirectorySource, federatedKeys: FederatedKeys) {
    this.#directory = directory;
    this.#assertions = new ClientAssertions(federatedKeys);
  }

  /** @throws EntraError */
  async authenticate(request: TokenRequest): Promise<AuthenticatedClient> {
    const shown = readClientCredentials(request.form, request.authorization);
    const directory = this.#directory.current;
    const application = directory.findApplication(shown.clientId);
    if (shown.kind === 'secret') await this.#checkSecret(application, shown.secret);
    else await this.#assertions.check({ ...shown, endpoints: endpointNames(request, directory) }, application);
    return { ...findClient(directory, request.tenant, shown.clientId), authentication: shown.kind };
  }

  /** One hash in nearly every case: of the secrets of an application the hint tells which it may be. */
  async #checkSecret(application: Application | undefined, secret: string): Promise<void> {
    const candidates = (application?.secrets ?? []).filter(({ hint }) => secret.startsWith(hint));
    const found = await this.#turns.run(async () => {
      if (candidates.length === 0) await isClientSecret(secret, NO_SECRET);
      for (const candidate of candidates) {
        if (await isClientSecret(secret, candidate.hash)) return candidate;
      }
      return undefined;
    });
    if (application === undefined) return;
    const nowMs = Date.now();
    if (found !== undefined && found.startMs <= nowMs && nowMs < found.endMs) return;
    if (found !== undefined) {
      throw new EntraError('secretExpired', `The secret of app '${application.clientId}' is expired.`);
    }
    throw new EntraError('wrongSecret', `Invalid client secret provided for app '${application.clientId}'.`);
  }
}

/** Clients write the name that they were given, or make one themselves. */
function endpointNames({ origin, tenant }: TokenRequest, { homeTenantId }: Directory): ReadonlySet<string> {
  const names = tenant.id === homeTenantId ? [tenant.id, HOME_ALIAS] : [tenant.id];
  return new Set(names.flatMap((name) => ENDPOINT_PATHS.map((path) => `${origin}/${name}${path}`)));
}
