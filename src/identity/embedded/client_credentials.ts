import { LIMITS } from '../../model/limits.ts';
import { isClientSecret, NO_SECRET } from './client_secret.ts';
import type { Application, Directory } from './directory.ts';
import { findApplication } from './directory.ts';
import { EntraError } from './entra_error.ts';

/** What a client shows of itself at the token endpoint. */
interface ClientCredentials {
  readonly clientId: string;
  readonly secret: string;
}

/**
 * Reads them from the form (`client_secret_post`) or from the Authorization header (`client_secret_basic`), never from both (RFC 6749 §2.3).
 * @throws EntraError `invalidRequest` or `secretMissing`
 */
export function readClientCredentials(form: URLSearchParams, authorization: string | undefined): ClientCredentials {
  const clientId = form.get('client_id');
  const secret = form.get('client_secret');
  const basic = authorization === undefined ? undefined : readBasic(authorization);
  if (basic !== undefined) {
    if (secret !== null || (clientId !== null && clientId !== basic.clientId)) {
      throw new EntraError('invalidRequest', 'The client authenticates in the header and in the body at once.');
    }
    return basic;
  }
  if (clientId === null || clientId === '') {
    throw new EntraError('invalidRequest', "The request body must contain the following parameter: 'client_id'.");
  }
  if (secret === null || secret === '') {
    throw new EntraError('secretMissing', "The request body must contain the following parameter: 'client_secret'.");
  }
  return { clientId, secret };
}

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;

function readBasic(authorization: string): ClientCredentials | undefined {
  const encoded = BASIC.exec(authorization)?.[1];
  const decoded = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) return undefined;
  try {
    return { clientId: decodeForm(decoded.slice(0, colon)), secret: decodeForm(decoded.slice(colon + 1)) };
  } catch {
    throw new EntraError('invalidRequest', 'The Authorization header is not encoded as RFC 6749 §2.3.1 has it.');
  }
}

function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

/** Tells whether credentials are right, a few at a time: hashing is slow and takes memory on purpose, and must not be a way to exhaust either. */
export class ClientAuthenticator {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @throws EntraError `tooManyRequests`, `unknownClient` or `wrongSecret` */
  async authenticate(directory: Directory, credentials: ClientCredentials): Promise<Application> {
    const { clientId, secret } = credentials;
    const application = findApplication(directory, clientId);
    await this.#enter();
    try {
      for (const kept of application?.secrets ?? [NO_SECRET]) {
        if ((await isClientSecret(secret, kept)) && application !== undefined) return application;
      }
    } finally {
      this.#leave();
    }
    if (application === undefined) {
      throw new EntraError('unknownClient', 'Application with the given identifier was not found in the directory.');
    }
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
