import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { createServer, type Server as HttpsServer, type ServerOptions as HttpsServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOrigin } from '../access/connection_origin.ts';
import { LIMITS } from '../model/limits.ts';
import type { BrokenRequest } from './answer_broken_request.ts';
import { directOrigin, noteOrigin } from './connection_origins.ts';
import { type ProxyTrust, takeProxyHeaders } from './proxy_entrance.ts';
import { secureContextOptions, type TlsIdentity, tlsOptions } from './tls/tls_options.ts';

export interface ListenerOptions extends ProxyTrust {
  readonly addresses: readonly ListenAddress[];
  readonly privateAddresses: readonly ListenAddress[];
  readonly proxyAddresses: readonly ListenAddress[];
  readonly identity: TlsIdentity;
  /** In PEM; clients are asked for certificates of theirs. */
  readonly clientAuthorities?: string | undefined;
  readonly onRequest: RequestListener;
  /** What is not HTTP gets no further than this. */
  readonly onBrokenRequest: (request: BrokenRequest) => void;
  /** A connection could not be taken (no file descriptors left, say). The listener goes on. */
  readonly onError: (error: Error) => void;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** No error when the machine does not have this address. */
  readonly mayBeAbsent: boolean;
}

/** Prepares a server for how its callers come, and gives what tells where one is from. */
type Entrance = (server: HttpsServer) => (socket: Socket) => ConnectionOrigin | undefined;

const HTTP_OPTIONS: HttpsServerOptions = {
  maxHeaderSize: LIMITS.headerBytes,
  headersTimeout: LIMITS.headersTimeoutMs,
  requestTimeout: LIMITS.requestTimeoutMs,
  keepAliveTimeout: LIMITS.keepAliveTimeoutMs,
  connectionsCheckingInterval: 1_000,
  // Two headers of one name become one value with a comma in it, which neither a host nor an access token has.
  joinDuplicateHeaders: true,
  insecureHTTPParser: false,
  // Node.js would answer by itself, and nobody would know.
  requireHostHeader: false,
};
/** Of session ticket keys: whoever learns one reads the sessions resumed under it. */
const TICKET_KEY_LIFE_MS = 12 * 60 * 60 * 1000;
const TICKET_KEY_BYTES = 48;
const ABSENT_ADDRESS: ReadonlySet<string | undefined> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Several HTTPS servers, one for each address, in front of one request listener. */
export class Listeners {
  readonly #servers: HttpsServer[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #ticketKeyTimer: NodeJS.Timeout;
  readonly #clientAuthorities: string | undefined;
  #requestsInFlight = 0;
  #onQuiet: (() => void) | undefined;

  private constructor(clientAuthorities: string | undefined) {
    this.#clientAuthorities = clientAuthorities;
    this.#ticketKeyTimer = setInterval(() => this.#renewTicketKeys(), TICKET_KEY_LIFE_MS).unref();
  }

  /** All addresses or none. Rejects with the system's error (`EADDRINUSE`, `EACCES`) of the first that cannot be had. */
  static async open(options: ListenerOptions): Promise<Listeners> {
    const listeners = new Listeners(options.clientAuthorities);
    try {
      const entrances: readonly [addresses: readonly ListenAddress[], entrance: Entrance][] = [
        [options.addresses, () => (socket) => directOrigin(socket, 'public')],
        [options.privateAddresses, () => (socket) => directOrigin(socket, 'private')],
        [options.proxyAddresses, (server) => takeProxyHeaders(server, options)],
      ];
      for (const [addresses, entrance] of entrances) {
        for (const address of addresses) await listeners.#listen(address, entrance, options);
      }
    } catch (error) {
      await listeners.close(0);
      throw error;
    }
    return listeners;
  }

  /** Where it listens: without the addresses that the machine does not have, and with the ports that the system chose. */
  get addresses(): readonly AddressInfo[] {
    return this.#servers.map((server) => server.address() as AddressInfo);
  }

  /** New connections get the new certificate; those that are open keep theirs. */
  replaceIdentity(identity: TlsIdentity): void {
    const context = secureContextOptions(identity, this.#clientAuthorities);
    for (const server of this.#servers) server.setSecureContext(context);
  }

  /** Takes no more connections, lets requests in flight be answered, and cuts off what is left when they are or when the time is over. */
  async close(timeoutMs: number): Promise<void> {
    clearInterval(this.#ticketKeyTimer);
    const closed = Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (this.#requestsInFlight > 0) {
      const quiet = new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
      const timer = setTimeout(() => this.#onQuiet?.(), timeoutMs);
      await quiet;
      clearTimeout(timer);
    }
    // Also those that Node does not count among a server's connections, because their handshake has not come to its end.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #listen(
    address: ListenAddress,
    entrance: Entrance,
    { identity, onRequest, onBrokenRequest, onError }: ListenerOptions,
  ): Promise<void> {
    const turns = new ConnectionTurns();
    const onBroken = (error: NodeJS.ErrnoException | undefined, socket: Duplex): void =>
      onBrokenRequest({ error, socket, isRequest: turns.count(socket) > 0 });
    const take: RequestListener = (incoming, outgoing) => {
      const { socket } = incoming;
      // RFC 9112 §3.2: HTTP/1.1 names the host that is asked.
      if (incoming.headers.host === undefined && incoming.httpVersion === '1.1') {
        onBroken(undefined, socket);
        return;
      }
      // What is left in the buffer of Node it would still take.
      if (socket.destroyed || turns.count(socket) === LIMITS.requestsPerConnection) {
        socket.destroy();
        return;
      }
      turns.add(socket, () => {
        this.#requestsInFlight++;
        cutOffSlowReader(outgoing);
        outgoing.on('close', () => {
          this.#requestEnded();
          turns.next(socket);
        });
        onRequest(incoming, outgoing);
      });
    };
    const server = createServer({ ...tlsOptions(identity, this.#clientAuthorities), ...HTTP_OPTIONS }, take);
    server.maxConnections = LIMITS.connections;
    // Node tells of a handshake that takes too long, and leaves the connection open. There is nobody yet whom an answer would reach.
    server.prependListener('tlsClientError', (_error, socket) => socket.destroy());
    server.on('clientError', onBroken);
    // Which Node.js would refuse by itself, without an answer or with one: a tunnel, and what is expected beside `100-continue`.
    server.on('connect', (_incoming, socket) => onBroken(undefined, socket));
    server.on('checkExpectation', take);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    const originOf = entrance(server);
    server.prependListener('secureConnection', (socket) => noteOrigin(socket, originOf(socket)));
    server.listen({ host: address.host, port: address.port });
    try {
      await once(server, 'listening');
    } catch (error) {
      if (address.mayBeAbsent && ABSENT_ADDRESS.has((error as NodeJS.ErrnoException).code)) return;
      throw error;
    }
    server.on('error', onError);
    this.#servers.push(server);
  }

  /** An answer is sent, or its connection gone. */
  #requestEnded(): void {
    this.#requestsInFlight--;
    if (this.#requestsInFlight === 0) this.#onQuiet?.();
  }

  #renewTicketKeys(): void {
    for (const server of this.#servers) server.setTicketKeys(randomBytes(TICKET_KEY_BYTES));
  }
}

/** Node limits how long a request may take to arrive, and lets its answer wait for ever in front of a caller that does not read it. */
function cutOffSlowReader(outgoing: ServerResponse): void {
  outgoing.once('prefinish', () => {
    const { socket } = outgoing;
    const timer = setTimeout(() => socket?.destroy(), LIMITS.answerTimeoutMs).unref();
    outgoing.once('close', () => clearTimeout(timer));
  });
}

/**
 * Callers may send the next request before they have the answer. Node takes as many as there are, and their answers wait for each other. Here
 * they are served one after the other: side by side only those may be that change nothing (RFC 9112 §9.3.2), and nobody is to have the place
 * of many by sending all at once.
 */
class ConnectionTurns {
  /** The first one is being served. */
  readonly #requests = new WeakMap<Duplex, (() => void)[]>();

  /** Those that are being served or wait. */
  count(socket: Duplex): number {
    return this.#requests.get(socket)?.length ?? 0;
  }

  add(socket: Duplex, serve: () => void): void {
    const requests = this.#requests.get(socket) ?? [];
    this.#requests.set(socket, requests);
    if (requests.push(serve) === 1) serve();
  }

  /** The one that was served has its answer. Of those behind it nothing is done any more where theirs could not be sent. */
  next(socket: Duplex): void {
    const requests = this.#requests.get(socket) ?? [];
    requests.shift();
    if (socket.writable) requests[0]?.();
  }
}
