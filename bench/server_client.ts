import { readFile } from 'node:fs/promises';
import { dataDirectory } from '../src/config/data_directory.ts';
import { readClientEnvironment } from '../src/config/environment_file.ts';
import { HttpsConnection, type HttpsTarget } from './contenders/https_client.ts';

const API_VERSION = 'api-version=7.5';
const OK = 200;

/** Body of a request that signs. */
export const SIGN_ES256 = { alg: 'ES256', value: Buffer.alloc(32, 1).toString('base64url') };

/** What a client has to know of a running server, with an access token that holds all rights. */
export class ServerClient {
  readonly target: HttpsTarget;
  readonly #host: string;
  readonly #accessToken: string;

  private constructor(target: HttpsTarget, host: string, accessToken: string) {
    this.target = target;
    this.#host = host;
    this.#accessToken = accessToken;
  }

  /** Reads what the server has written down for its clients, and signs in. */
  static async open(dataDir: string, port: number): Promise<ServerClient> {
    const client = await readClientEnvironment(dataDirectory(dataDir));
    if (client === undefined) throw new Error(`${dataDir} has no environment for clients`);
    const authority = await readFile(client.NODE_EXTRA_CA_CERTS!, 'utf8');
    const at = ({ hostname }: URL): HttpsTarget => ({ host: '127.0.0.1', port, servername: hostname, authority });
    const pool = new URL(client.STRONGROOM_URL!);
    const accessToken = await fetchAccessToken(client, at(new URL(client.AZURE_AUTHORITY_HOST!)));
    return new ServerClient(at(pool), pool.host, accessToken);
  }

  /** Head and body of a request. */
  post(path: string, body: object): string {
    const authorization = [`authorization: Bearer ${this.#accessToken}`];
    return postRequest(this.#host, `${path}?${API_VERSION}`, authorization, 'application/json', JSON.stringify(body));
  }

  /** Head of a request without a body; a path with a query of its own, such as that of a nextLink, is asked for as it is. */
  get(path: string): string {
    const url = path.includes('?') ? path : `${path}?${API_VERSION}`;
    const authorization = `authorization: Bearer ${this.#accessToken}`;
    return `${[`GET ${url} HTTP/1.1`, `host: ${this.#host}`, authorization].join('\r\n')}\r\n\r\n`;
  }

  /** Makes a key of P-256. Gives the request that signs with it. */
  async signRequest(): Promise<string> {
    const created = await this.ask(this.post('/keys/bench/create', { kty: 'EC-HSM', crv: 'P-256' }));
    const { kid } = created.key as { kid: string };
    return this.post(`${new URL(kid).pathname}/sign`, SIGN_ES256);
  }

  /** Sends a request on a connection of its own. @throws Error unless the answer is a 200. */
  async ask(request: string): Promise<Record<string, unknown>> {
    return await askOnce(this.target, request);
  }
}

async function fetchAccessToken(client: Readonly<Record<string, string>>, login: HttpsTarget): Promise<string> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: client.AZURE_CLIENT_ID!,
    client_secret: client.AZURE_CLIENT_SECRET!,
    scope: 'https://managedhsm.azure.net/.default',
  });
  const path = `/${client.AZURE_TENANT_ID}/oauth2/v2.0/token`;
  const host = `${login.servername}:${login.port}`;
  const request = postRequest(host, path, [], 'application/x-www-form-urlencoded', form.toString());
  const { access_token: accessToken } = await askOnce(login, request);
  return String(accessToken);
}

function postRequest(host: string, path: string, more: readonly string[], type: string, body: string): string {
  const length = `content-length: ${Buffer.byteLength(body)}`;
  const head = [`POST ${path} HTTP/1.1`, `host: ${host}`, ...more, `content-type: ${type}`, length];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

async function askOnce(target: HttpsTarget, request: string): Promise<Record<string, unknown>> {
  const connection = await HttpsConnection.open(target);
  try {
    const { status, body } = await connection.request(Buffer.from(request));
    if (status !== OK) throw new Error(`The server answered ${status}: ${body.toString()}`);
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } finally {
    connection.close();
  }
}
