import { request } from 'node:https';
import { getCACertificates } from 'node:tls';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { SettingOptions } from './read_settings.ts';
import { readConnection, type ServiceConnection } from './service_connection.ts';
import { ServiceRefusal } from './service_refusal.ts';

export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as JSON; `undefined` when there is none. */
  readonly json: unknown;
}

/** The name of the service that every pool goes by, whatever its domain. */
const POOL_RESOURCE = 'https://managedhsm.azure.net';
const API_VERSION = '2025-07-01';

/** How verbs ask a server: as any client does, over https, with an access token of its issuer. */
export class ServiceClient {
  readonly #connection: ServiceConnection;
  readonly #authorities: string[];
  readonly #accessTokens = new Map<string, Promise<string>>();

  private constructor(connection: ServiceConnection) {
    const { certificateAuthority } = connection;
    this.#connection = connection;
    this.#authorities = [
      ...getCACertificates('default'),
      ...(certificateAuthority === undefined ? [] : [certificateAuthority]),
    ];
  }

  /** @throws ConfigurationError when it is not known where the server is */
  static async open(options: SettingOptions): Promise<ServiceClient> {
    return new ServiceClient(await readConnection(options));
  }

  /**
   * The pool's REST API: keys, roles, settings. The version is added to the path.
   * @throws ServiceRefusal, StrongroomError `ServiceUnavailable`
   */
  askPool(method: string, path: string, body?: unknown): Promise<ServiceAnswer> {
    const separator = path.includes('?') ? '&' : '?';
    const url = `${this.#connection.url}${path}${separator}api-version=${API_VERSION}`;
    return this.#ask(POOL_RESOURCE, method, url, body);
  }

  /**
   * The directory of the built-in issuer, in the form of Microsoft Graph.
   * @throws ServiceRefusal, StrongroomError `ServiceUnavailable`
   */
  askDirectory(method: string, path: string, body?: unknown): Promise<ServiceAnswer> {
    const { authorityHost } = this.#connection;
    return this.#ask(authorityHost, method, `${authorityHost}/v1.0${path}`, body);
  }

  async #ask(resource: string, method: string, url: string, body: unknown): Promise<ServiceAnswer> {
    const headers: Record<string, string> = { authorization: `Bearer ${await this.#accessToken(resource)}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    return this.#send(method, url, headers, body === undefined ? undefined : JSON.stringify(body));
  }

  #accessToken(resource: string): Promise<string> {
    const known = this.#accessTokens.get(resource);
    if (known !== undefined) return known;
    const fetched = this.#fetchToken(resource);
    this.#accessTokens.set(resource, fetched);
    return fetched;
  }

  async #fetchToken(resource: string): Promise<string> {
    const { authorityHost, tenant, clientId, clientSecret } = this.#connection;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: `${resource}/.default`,
    });
    const url = `${authorityHost}/${tenant}/oauth2/v2.0/token`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { json } = await this.#send('POST', url, headers, form.toString());
    return String((json as { access_token?: unknown }).access_token);
  }

  async #send(
    method: string,
    url: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<ServiceAnswer> {
    const sent = { ...headers, 'content-length': String(Buffer.byteLength(body ?? '')) };
    const answer = await exchange(method, url, sent, body, this.#authorities).catch((cause: unknown) => {
      const message = `${new URL(url).origin} cannot be asked.`;
      throw new StrongroomError('ServiceUnavailable', message, { cause });
    });
    if (answer.status >= 400) throw ServiceRefusal.of(answer);
    return answer;
  }
}

function exchange(
  method: string,
  url: string,
  headers: Record<string, string>,
  body: string | undefined,
  ca: string[],
): Promise<ServiceAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ServiceAnswer>();
  const signal = AbortSignal.timeout(LIMITS.clientTimeoutMs);
  const outgoing = request(url, { method, headers, ca, signal, agent: false }, (incoming) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', reject);
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      try {
        const json = text === '' ? undefined : JSON.parse(text);
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, json });
      } catch (error) {
        reject(error);
      }
    });
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}
