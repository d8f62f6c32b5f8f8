import { LIMITS } from '../../model/limits.ts';
import { readClientCredentials } from './client_credentials.ts';
import { isClientSecret, NO_SECRET } from './client_secret.ts';
import type { DirectorySource } from './directory.ts';
import type { Application, ServicePrincipal } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';
import type { TokenRequest } from './token_request.ts';

/** How a client has shown who it is. */
export type ClientAuthentication = 'none' | 'secret' | 'assertion';

export interface AuthenticatedClient {
  readonly application: Application;
  /** The application's principal in the tenant that was asked. */
  readonly servicePrincipal: ServicePrincipal;
  readonly authentication: ClientAuthentication;
}

/**
 * Tells whether clients are who they say, a few at a time: hashing is slow and takes memory on purpose, and must not be a way to exhaust
 * either. A client that is not known costs what one costs that is.
 */
export class ClientAuthenticator {
  readonly #directory: DirectorySource;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(directory: DirectorySource) {
    this.#directory = directory;
  }

  /** @throws EntraError */
  async authenticate(request: TokenRequest): Promise<AuthenticatedClient> {
    const { clientId, secret } = readClientCredentials(request.form, request.authorization);
    const directory = this.#directory.current;
    const application = directory.findApplication(clientId);
    const servicePrincipal = directory.findServicePrincipal(request.tenant.id, clientId);
    await this.#checkSecret(application, secret);
    if (application === undefined) {
      throw new EntraError('unknownClient', 'Application with the given identifier was not found in the directory.');
    }
    if (servicePrincipal === undefined) {
      const message = `The client application ${application.clientId} is missing service principal in the tenant.`;
      throw new EntraError('noServicePrincipal', message);
    }
    if (!servicePrincipal.isEnabled) {
      throw new EntraError('clientDisabled', `Application '${application.clientId}' is disabled.`);
    }
    return { application, servicePrincipal, authentication: 'secret' };
  }

  /** One hash in nearly every case: of the secrets of an application the hint tells which it may be. */
  async #checkSecret(application: Application | undefined, secret: string): Promise<void> {
    const candidates = (application?.secrets ?? []).filter(({ hint }) => secret.startsWith(hint));
    await this.#enter();
    try {
      if (candidates.length === 0) await isClientSecret(secret, NO_SECRET);
      for (const { hash, startMs, endMs } of candidates) {
        if (!(await isClientSecret(secret, hash))) continue;
        const nowMs = Date.now();
        if (startMs <= nowMs && nowMs < endMs) return;
        throw new EntraError('secretExpired', `The secret of app '${application?.clientId}' is expired.`);
      }
    } finally {
      this.#leave();
    }
    if (application === undefined) return;
    throw new EntraError('wrongSecret', `Invalid client secret provided for app '${application.clientId}'.`);
  }

  async #enter(): Promise<void> {
    if (this.#running < LIMITS.clientSecretChecks) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= LIMITS.clientSecretChecksWaiting) {
      throw new EntraError('tooManyRequests', 'Too many requests at once.');
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands its place over to the next that waits. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
