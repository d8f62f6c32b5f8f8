import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { IdentityToken, ManagedIdentities } from '../../identity/embedded/managed_identities.ts';
import { ERROR_CATALOGUE, StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { AuditService } from '../audit_service.ts';
import type { ListenAddress } from '../listeners.ts';
import { readIdentityRequest } from './identity_request.ts';
import { peerOwner } from './peer_owner.ts';

export interface ManagedIdentityServerOptions {
  /** Of this machine alone. */
  readonly addresses: readonly ListenAddress[];
  readonly identities: Pick<ManagedIdentities, 'token'>;
  /** What requests in the form of App Service carry. */
  readonly header: string;
  readonly audit: AuditService;
  readonly log: Logger;
}

const HTTP_OPTIONS: ServerOptions = {
  maxHeaderSize: LIMITS.headerBytes,
  headersTimeout: LIMITS.headersTimeoutMs,
  requestTimeout: LIMITS.requestTimeoutMs,
  keepAliveTimeout: LIMITS.headersTimeoutMs,
  joinDuplicateHeaders: true,
  insecureHTTPParser: false,
};
/** As the endpoint of Azure's machines calls it. */
const ERRORS: Readonly<Record<number, string>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  429: 'too_many_requests',
};
const MARGIN_SECONDS = 1;

/** Where processes of this machine get access tokens for being who they are, over plain HTTP that does not leave it (Azure API §4.4). */
export class ManagedIdentityServer {
  readonly #options: ManagedIdentityServerOptions;
  readonly #servers: Server[] = [];
  #inFlight = 0;

  private constructor(options: ManagedIdentityServerOptions) {
    this.#options = options;
  }

  /** All addresses or none. Rejects with the system's error of the first that cannot be had. */
  static async open(options: ManagedIdentityServerOptions): Promise<ManagedIdentityServer> {
    const opened = new ManagedIdentityServer(options);
    try {
      for (const address of options.addresses) await opened.#listen(address);
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  get addresses(): readonly AddressInfo[] {
    return this.#servers.map((server) => server.address() as AddressInfo);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(async (server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
      }),
    );
  }

  async #listen({ host, port, mayBeAbsent }: ListenAddress): Promise<void> {
    const server = createServer(HTTP_OPTIONS, (incoming, outgoing) => void this.#answer(incoming, outgoing));
    server.maxConnections = LIMITS.identityConnections;
    server.listen({ host, port });
    try {
      await once(server, 'listening');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (mayBeAbsent && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) return;
      throw error;
    }
    server.on('error', (error) => this.#options.log.error({ err: error }, 'a connection could not be taken'));
    this.#servers.push(server);
  }

  /** Nothing is answered that is not on record. Never rejects. */
  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { audit, log } = this.#options;
    const call = new Call(incoming);
    this.#inFlight++;
    try {
      audit.admit();
      const token = await this.#perform(incoming, call).catch(async (error: unknown) => {
        const refusal = refusalOf(error, log);
        await audit.record(call.eventOf(refusal));
        throw refusal;
      });
      await audit.record(call.eventOf(token));
      send(outgoing, 200, tokenBody(token, call.resource));
    } catch (error) {
      const { code, message, innerCode } = refusalOf(error, log);
      // In Azure's words a process without an identity has asked in a wrong way.
      const status = innerCode === 'IdentityNotFound' ? 400 : ERROR_CATALOGUE[code].status;
      if (status === 429 || status === 503) outgoing.setHeader('retry-after', '1');
      send(outgoing, status, {
        error: ERRORS[status] ?? (status < 500 ? 'invalid_request' : 'server_error'),
        error_description: message,
        statusCode: status,
        message,
      });
    } finally {
      this.#inFlight--;
    }
  }

  async #perform(incoming: IncomingMessage, call: Call): Promise<IdentityToken> {
    const { identities, header } = this.#options;
    if (this.#inFlight > LIMITS.identityRequests) throw new StrongroomError('Throttled', 'Too many requests at once.');
    const { resource, identity } = readIdentityRequest(incoming, header);
    call.resource = resource;
    call.localUser = await peerOwner(incoming.socket);
    if (call.localUser === undefined) {
      throw new StrongroomError('Forbidden', 'Identity not found', { innerCode: 'IdentityNotFound' });
    }
    return identities.token(call.localUser, identity, resource);
  }
}

/** One request, and what is found out about it for the record. */
class Call {
  readonly #timeMs = Date.now();
  readonly #requestId = randomUUID();
  readonly #callerAddress: string | undefined;
  resource = '';
  localUser: number | undefined = undefined;

  constructor({ socket }: IncomingMessage) {
    this.#callerAddress = socket.remoteAddress;
  }

  eventOf(outcome: IdentityToken | StrongroomError): Parameters<AuditService['record']>[0] {
    const isRefused = outcome instanceof StrongroomError;
    return {
      timeMs: this.#timeMs,
      operation: 'ManagedIdentityToken',
      result: isRefused ? outcome.code : 'Success',
      innerCode: isRefused ? outcome.innerCode : undefined,
      httpStatus: isRefused ? ERROR_CATALOGUE[outcome.code].status : 200,
      requestId: this.#requestId,
      callerAddress: this.#callerAddress,
      principal: isRefused ? undefined : outcome.principal,
      target: this.localUser === undefined ? undefined : `localUsers/${this.localUser}`,
    };
  }
}

function refusalOf(error: unknown, log: Logger): StrongroomError {
  if (error instanceof StrongroomError) return error;
  log.error({ err: error }, 'a managed identity got no token');
  return new StrongroomError('InternalError', 'The request could not be completed.', { cause: error });
}

function tokenBody({ text, notBefore, expires, clientId }: IdentityToken, resource: string): Record<string, string> {
  const seconds = String(expires - notBefore - MARGIN_SECONDS);
  return {
    access_token: text,
    client_id: clientId,
    expires_in: seconds,
    ext_expires_in: seconds,
    expires_on: String(expires),
    not_before: String(notBefore),
    resource,
    token_type: 'Bearer',
  };
}

function send(outgoing: ServerResponse, status: number, body: Readonly<Record<string, string | number>>): void {
  const text = JSON.stringify(body);
  outgoing
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    .end(text);
}
