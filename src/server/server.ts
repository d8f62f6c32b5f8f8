import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Firewall } from '../access/firewall.ts';
import type { Authenticator } from '../identity/authenticator.ts';
import type { EmbeddedIssuer } from '../identity/embedded/embedded_issuer.ts';
import type { AddressRange } from '../model/address_range.ts';
import { LIMITS } from '../model/limits.ts';
import { brokenRequestAnswerer } from './answer_broken_request.ts';
import { buildApiApp } from './api_app.ts';
import type { AttestationService } from './attestation_service.ts';
import type { AuditService } from './audit_service.ts';
import type { BackupService, EpochService } from './backup_service.ts';
import type { DirectoryService } from './graph/serve_graph.ts';
import type { Readiness } from './health.ts';
import { type HostOptions, Hosts } from './hosts.ts';
import { buildIssuerApp } from './issuer_app.ts';
import type { KeyService } from './key_service.ts';
import { type ListenAddress, Listeners } from './listeners.ts';
import type { Parts } from './pipeline.ts';
import type { RoleService } from './role_service.ts';
import type { DomainRecoveryService, SecurityDomainService } from './security_domain_service.ts';
import type { TlsIdentity } from './tls/tls_options.ts';
import type { TokenService } from './token_service.ts';
import { takeTunnelledMethod } from './tunnelled_method.ts';
import { ResponseHeaders } from './wire/response_headers.ts';

export interface ServerOptions {
  readonly addresses: readonly ListenAddress[];
  /** What arrives there came through a private link. */
  readonly privateAddresses: readonly ListenAddress[];
  /** Where proxies alone are listened to, which say for whom they speak. */
  readonly proxyAddresses: readonly ListenAddress[];
  readonly trustedProxies: readonly AddressRange[];
  readonly tls: TlsIdentity;
  /** Certificates in PEM: who calls the HSM has to show one that these vouch for. Nobody has to unless named. */
  readonly clientAuthorities: string | undefined;
  readonly hosts: HostOptions;
  readonly region: string;
  /** Version of Strongroom, for `x-ms-build-version`. */
  readonly buildVersion: string;
  readonly engine: KeyService;
  readonly firewall: FirewallService;
  readonly authenticator: Authenticator;
  readonly roles: RoleService;
  readonly attestations: AttestationService;
  readonly audit: AuditService;
  readonly announced: Parts['announced'];
  readonly securityDomain: SecurityDomainService;
  readonly backups: BackupService;
  readonly epoch: EpochService;
  readonly domainRecovery: DomainRecoveryService;
  readonly tokens: TokenService;
  /** The built-in issuer, unless it is switched off. */
  readonly issuer: EmbeddedIssuer | undefined;
  /** Its directory, where that may be changed. */
  readonly directory: DirectoryService | undefined;
  readonly readiness: () => Readiness;
  readonly log: Logger;
}

/** What of a server that runs becomes another. */
interface ChangingParts {
  engine: KeyService;
  /** It is about to stop. */
  isDraining: boolean;
}

/** A firewall whose rules may change. Closed, they do not any more. */
export interface FirewallService {
  readonly current: Firewall;
  close(): void;
}

/** The REST API and the built-in issuer, told apart by the Host header, over the same HTTPS listeners. */
export class Server {
  readonly #listeners: Listeners;
  readonly #firewall: FirewallService;
  readonly #parts: ChangingParts;

  private constructor(listeners: Listeners, firewall: FirewallService, parts: ChangingParts) {
    this.#listeners = listeners;
    this.#firewall = firewall;
    this.#parts = parts;
  }

  /** Ready to answer when it resolves. */
  static async open(options: ServerOptions): Promise<Server> {
    const changing: ChangingParts = { engine: options.engine, isDraining: false };
    const {
      firewall,
      authenticator,
      roles,
      attestations,
      audit,
      announced,
      securityDomain,
      domainRecovery,
      backups,
      epoch,
      tokens,
      log,
      issuer,
    } = options;
    const hosts = new Hosts(options.hosts);
    const headers = new ResponseHeaders(options.region, options.buildVersion);
    const parts = {
      get engine() {
        return changing.engine;
      },
      firewall,
      authenticator,
      roles,
      attestations,
      audit,
      announced,
      securityDomain,
      backups,
      epoch,
      domainRecovery,
      tokens,
      requiresCertificate: options.clientAuthorities !== undefined,
      hosts,
      headers,
      log,
      draining: () => changing.isDraining,
    };
    const api = buildApiApp(parts, () =>
      changing.isDraining ? { ready: false, reason: 'stopping' } : options.readiness(),
    );
    const login =
      issuer === undefined
        ? api
        : buildIssuerApp(issuer, {
            hsm: `${options.hosts.hsmName}.${options.hosts.domain}`,
            directory: options.directory,
            audit,
            log,
          });
    await Promise.all([api.ready(), login.ready()]);
    const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
      const app = hosts.resolve(incoming.headers.host).kind === 'issuer' ? login : api;
      takeTunnelledMethod(incoming);
      app.routing(incoming, outgoing);
    };
    const listeners = await Listeners.open({
      addresses: options.addresses,
      privateAddresses: options.privateAddresses,
      proxyAddresses: options.proxyAddresses,
      trustedProxies: options.trustedProxies,
      identity: options.tls,
      clientAuthorities: options.clientAuthorities,
      onRequest,
      onBrokenRequest: brokenRequestAnswerer(audit, log),
      onError: (error) => log.error({ err: error }, 'a connection could not be taken'),
      onRefused: (peer, reason, isTrusted) =>
        log[isTrusted ? 'warn' : 'debug']({ peer, reason }, 'a connection of a proxy was refused'),
    });
    return new Server(listeners, firewall, changing);
  }

  get addresses(): readonly AddressInfo[] {
    return this.#listeners.addresses;
  }

  replaceTlsIdentity(identity: TlsIdentity): void {
    this.#listeners.replaceIdentity(identity);
  }

  /** From the next request on. */
  replaceEngine(engine: KeyService): void {
    this.#parts.engine = engine;
  }

  /** No new connections from now on; what is in flight is answered, for ten seconds at most. */
  async close(): Promise<void> {
    this.#parts.isDraining = true;
    await this.#listeners.close(LIMITS.drainTimeoutMs);
    this.#firewall.close();
  }
}
