import { type Logger, pino } from 'pino';
import type { DataDirectory } from '../config/data_directory.ts';
import { readClientEnvironment, writeClientEnvironment } from '../config/environment_file.ts';
import { hostNames } from '../config/host_names.ts';
import { productVersion } from '../config/product_version.ts';
import type { Configuration } from '../config/settings.ts';
import type { EmbeddedIssuer } from '../identity/embedded/embedded_issuer.ts';
import { LIMITS } from '../model/limits.ts';
import type { AuditService } from '../server/audit_service.ts';
import type { BackupService, EpochService } from '../server/backup_service.ts';
import type { Readiness } from '../server/health.ts';
import type { KeyService } from '../server/key_service.ts';
import type { ManagedIdentityServer } from '../server/managed_identity/managed_identity_server.ts';
import type { DomainRecoveryService, SecurityDomainService } from '../server/security_domain_service.ts';
import { Server } from '../server/server.ts';
import type { TokenService } from '../server/token_service.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';
import { clientEnvironment, SECRET_VARIABLE } from './client_environment.ts';
import { openAttestations } from './open_attestations.ts';
import { openFirewall } from './open_firewall.ts';
import { type OpenedIdentity, openIdentity } from './open_identity.ts';
import { readIssuers } from './open_issuers.ts';
import { openIssuing } from './open_issuing.ts';
import { openManagedIdentities } from './open_managed_identities.ts';
import { openRoles } from './open_roles.ts';
import { type OpenedTls, openLocalTls, readClientAuthorities, readOwnTls } from './open_tls.ts';

/** How often the certificate is looked at while the server runs. */
const TLS_CHECK_MS = 12 * 60 * 60 * 1000;

/** Everything of the server that does not need the pool. */
export interface PreparedServer {
  readonly log: Logger;
  /** The directory that principals belong to, once there is a store. */
  openIdentity(documents: SealedDocuments): Promise<OpenedIdentity>;
  open(parts: ServedParts): Promise<Server>;
  /** Where processes of this machine get tokens for being who they are, if anywhere. */
  openManagedIdentities(identity: OpenedIdentity, audit: AuditService): Promise<ManagedIdentityServer | undefined>;
}

/** What the server is put over once the pool is open. */
export interface ServedParts {
  readonly engine: KeyService;
  readonly documents: SealedDocuments;
  readonly identity: OpenedIdentity;
  readonly audit: AuditService;
  readonly securityDomain: SecurityDomainService;
  readonly domainRecovery: DomainRecoveryService;
  readonly backups: BackupService;
  readonly epoch: EpochService;
  readonly tokens: TokenService;
  readonly readiness: () => Readiness;
}

/** Makes or reads keys and certificates, and writes down what clients need. */
export async function prepareServer(configuration: Configuration, files: DataDirectory): Promise<PreparedServer> {
  const names = hostNames(configuration);
  const log = newLogger(configuration);
  const [known, tls, clientAuthorities, attestations, firewall, listed] = await Promise.all([
    readClientEnvironment(files),
    openTls(configuration, files, names.all),
    readClientAuthorities(configuration.tls.clientAuthorities),
    openAttestations(configuration),
    openFirewall(configuration, log),
    readIssuers(configuration),
  ]);
  const knownSecret = known?.[SECRET_VARIABLE];
  const port = configuration.listen[0]?.port ?? 0;
  const options = {
    addresses: configuration.listen,
    privateAddresses: configuration.network.privateListen,
    proxyAddresses: configuration.network.proxyListen,
    trustedProxies: configuration.network.trustedProxies,
    tls: tls.identity,
    clientAuthorities,
    region: configuration.region,
    buildVersion: productVersion(),
    firewall,
    attestations,
    announced: configuration.audit.announced,
    log,
  };
  return {
    log,
    openIdentity: (documents) => openIdentity(configuration, files, { documents, knownSecret, listed, log }),
    open: async ({ documents, identity, ...parts }) => {
      const { issuer, directory, announced, authenticator } = openIssuing(configuration, documents, identity, listed);
      const client = issuer === undefined ? undefined : identity.first;
      await writeClientEnvironment(files, clientEnvironment(names, port, client, tls.trust));
      const roles = await openRoles(configuration, documents.within(parts.epoch), client?.servicePrincipal.id, log);
      const { hsm, domain } = configuration;
      const server = await Server.open({
        ...options,
        ...parts,
        roles,
        hosts: { hsmName: hsm.name, domain, issuer: announced, port },
        authenticator,
        issuer,
        directory,
      });
      if (issuer !== undefined) keepIssuerSwept(issuer, log);
      if (tls.trust !== undefined) keepTlsCurrent(server, files, names.all, log);
      return server;
    },
    openManagedIdentities: (identity, audit) => openManagedIdentities(configuration, files, identity, { audit, log }),
  };
}

function openTls({ tls }: Configuration, files: DataDirectory, names: readonly string[]): Promise<OpenedTls> {
  if (tls.certificate !== undefined && tls.key !== undefined) return readOwnTls(tls.certificate, tls.key);
  return openLocalTls(files.tls, names, new Date());
}

/** The local authority's certificates last a year, and a server may run for longer. */
function keepTlsCurrent(server: Server, files: DataDirectory, names: readonly string[], log: Logger): void {
  const check = () => {
    openLocalTls(files.tls, names, new Date()).then(
      ({ identity }) => server.replaceTlsIdentity(identity),
      (error: unknown) => log.error({ err: error }, 'the certificate could not be renewed'),
    );
  };
  setInterval(check, TLS_CHECK_MS).unref();
}

/** What nobody redeems any more stays in the store until it is swept out. */
function keepIssuerSwept(issuer: EmbeddedIssuer, log: Logger): void {
  const sweep = () => {
    issuer.sweep().catch((error: unknown) => log.error({ err: error }, 'what the issuer has given could not be swept'));
  };
  setInterval(sweep, LIMITS.issuerSweepMs).unref();
}

/** Only chosen facts are logged; should one ever hold a secret by these names, it is cut out. */
function newLogger(configuration: Configuration): Logger {
  const secrets = [
    'authorization',
    'client_secret',
    'accessToken',
    'access_token',
    'refresh_token',
    'password',
    'pin',
    'secret',
  ];
  const paths = secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino(
    { level: configuration.log.level, redact: { paths, censor: '[redacted]' } },
    pino.destination({ fd: 2, sync: false }),
  );
}
