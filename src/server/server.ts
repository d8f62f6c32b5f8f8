import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Authorizer } from '../access/authorizer.ts';
import type { Authenticator } from '../identity/authenticator.ts';
import type { EmbeddedIssuer } from '../identity/embedded/embedded_issuer.ts';
import { LIMITS } from '../model/limits.ts';
import { buildApiApp } from './api_app.ts';
import type { AttestationService } from './attestation_service.ts';
import type { AuditService } from './audit_service.ts';
import type { Readiness } from './health.ts';
import { type HostOptions, Hosts } from './hosts.ts';
import { buildIssuerApp } from './issuer_app.ts';
import type { KeyService } from './key_service.ts';
import { type ListenAddress, Listeners } from './listeners.ts';
import type { TlsIdentity } from './tls/tls_options.ts';
import { takeTunnelledMethod } from './tunnelled_method.ts';
import { ResponseHeaders } from './wire/response_headers.ts';

export interface ServerOptions {
  readonly addresses: readonly ListenAddress[];
  readonly tls: TlsIdentity;
  readonly hosts: HostOptions;
  readonly region: string;
  /** Version of Strongroom, for `x-ms-build-version`. */
  readonly buildVersion: string;
  readonly engine: KeyService;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly attestations: AttestationService;
  readonly audit: AuditService;
  /** The built-in issuer, unless it is switched off. */
  readonly issuer: EmbeddedIssuer | undefined;
  readonly readiness: () => Readiness;
  readonly log: Logger;
}

/** The REST API and the built-in issuer, told apart by the Host header, over the same HTTPS listeners. */
export class Server {
  readonly #listeners: Listeners;
  readonly #drain: () => void;

  private constructor(listeners: Listeners, drain: () => void) {
    this.#listeners = listeners;
    this.#drain = drain;
  }

  /** Ready to answer when it resolves. */
  static async open(options: ServerOptions): Promise<Server> {
    let draining = false;
    const { engine, authenticator, authorizer, attestations, audit, log, issuer } = options;
    const hosts = new Hosts(options.hosts);
    const headers = new ResponseHeaders(options.region, options.buildVersion);
    const parts = {
      engine,
      authenticator,
      authorizer,
      attestations,
      audit,
      hosts,
      headers,
      log,
      draining: () => draining,
    };
    const api = buildApiApp(parts, () => (draining ? { ready: false, reason: 'stopping' } : options.readiness()));
    const login = issuer === undefined ? api : buildIssuerApp(issuer, log);
    await Promise.all([api.ready(), login.ready()]);
    const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
      const app = hosts.resolve(incoming.headers.host).kind === 'issuer' ? login : api;
      takeTunnelledMethod(incoming);
      app.routing(incoming, outgoing);
    };
    const listeners = await Listeners.open({
      addresses: options.addresses,
      identity: options.tls,
      onRequest,
      onError: (error) => log.error({ err: error }, 'a connection could not be taken'),
    });
    return new Server(listeners, () => {
      draining = true;
    });
  }

  get addresses(): readonly AddressInfo[] {
    return this.#listeners.addresses;
  }

  replaceTlsIdentity(identity: TlsIdentity): void {
    this.#listeners.replaceIdentity(identity);
  }

  /** No new connections from now on; what is in flight is answered, for ten seconds at most. */
  async close(): Promise<void> {
    this.#drain();
    await this.#listeners.close(LIMITS.drainTimeoutMs);
  }
}
