import { randomUUID } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { pino } from 'pino';
import { Firewall } from '../../src/access/firewall.ts';
import { ALL_NETWORKS } from '../../src/access/network_rules.ts';
import type { RoleGrant } from '../../src/access/role_assignment.ts';
import { Roles } from '../../src/access/roles.ts';
import { Audiences } from '../../src/identity/audience.ts';
import { Authenticator } from '../../src/identity/authenticator.ts';
import { DirectoryChanges } from '../../src/identity/embedded/directory_changes.ts';
import type { DirectoryObjects } from '../../src/identity/embedded/directory_objects.ts';
import { EmbeddedIssuer } from '../../src/identity/embedded/embedded_issuer.ts';
import { FederatedKeys } from '../../src/identity/embedded/federated_keys.ts';
import { keptSecret, newApplication } from '../../src/identity/embedded/new_application.ts';
import { StoredDirectory } from '../../src/identity/embedded/stored_directory.ts';
import type { TrustedIssuer } from '../../src/identity/issuer.ts';
import { BUILT_IN_ROLE_IDS, builtInRoles } from '../../src/model/role.ts';
import type { Readiness } from '../../src/server/health.ts';
import type { KeyService } from '../../src/server/key_service.ts';
import { Server, type ServerOptions } from '../../src/server/server.ts';
import { issueServerCertificate, newAuthority } from '../../src/server/tls/local_authority.ts';
import { testDocuments } from '../fixtures/test_documents.ts';
import { issuerKeys } from '../identity/embedded/issuer_keys.ts';
import { FakeAttestations } from './fake_attestations.ts';
import { FakeAudit } from './fake_audit.ts';
import { FakeBackups, FakeReplacements } from './fake_backups.ts';
import { FakeEngine } from './fake_engine.ts';
import { FakeDomainRecovery, FakeSecurityDomain } from './fake_security_domain.ts';
import { FakeTokens } from './fake_tokens.ts';

export const DOMAIN = 'managedhsm.localhost';
export const LOGIN_HOST = 'login.localhost';
export const TENANT = '11111111-2222-3333-4444-555555555555';
export const POOL_HOST = `demo.${DOMAIN}`;
const NAMES = [POOL_HOST, `*.${DOMAIN}`, LOGIN_HOST, 'localhost', '127.0.0.1', '::1'];

const NOBODY: DirectoryObjects = { tenants: [], applications: [], servicePrincipals: [], users: [], groups: [] };

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  /** The body as JSON. */
  readonly json: {
    readonly error?: {
      readonly code: string;
      readonly message: string;
      readonly innererror?: { readonly code: string };
    };
  } & Record<string, unknown>;
}

/** How callers come to the server, and from where they may. */
export type NetworkOptions = Pick<
  ServerOptions,
  'addresses' | 'privateAddresses' | 'proxyAddresses' | 'trustedProxies' | 'firewall' | 'clientAuthorities'
>;

export interface RequestOptions {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Uint8Array;
  /** Sends an access token unless false. */
  readonly authenticated?: boolean;
  /** Sends the headers, and never the body that they announce. */
  readonly announcedOnly?: boolean;
}

/** A server of the real kind over TLS, with an engine of the tests' own behind it. */
export class TestServer {
  readonly engine: FakeEngine;
  readonly attestations: FakeAttestations;
  readonly audit: FakeAudit;
  readonly securityDomain: FakeSecurityDomain;
  readonly domainRecovery: FakeDomainRecovery;
  readonly backups: FakeBackups;
  readonly replacements: FakeReplacements;
  readonly tokens: FakeTokens;
  readonly server: Server;
  readonly authority: string;
  readonly log: string[];
  readonly issuer: EmbeddedIssuer;
  readonly roles: Roles;
  readonly secret: string;
  readonly clientId: string;
  /** Of the application's service principal. */
  readonly objectId: string;
  readiness: Readiness = { ready: true };
  #token: Promise<string> | undefined;

  private constructor(
    fields: Pick<
      TestServer,
      | 'engine'
      | 'attestations'
      | 'audit'
      | 'securityDomain'
      | 'domainRecovery'
      | 'backups'
      | 'replacements'
      | 'tokens'
      | 'server'
      | 'authority'
      | 'log'
      | 'issuer'
      | 'roles'
      | 'secret'
      | 'clientId'
      | 'objectId'
    >,
  ) {
    this.engine = fields.engine;
    this.attestations = fields.attestations;
    this.audit = fields.audit;
    this.securityDomain = fields.securityDomain;
    this.domainRecovery = fields.domainRecovery;
    this.backups = fields.backups;
    this.replacements = fields.replacements;
    this.tokens = fields.tokens;
    this.server = fields.server;
    this.authority = fields.authority;
    this.log = fields.log;
    this.issuer = fields.issuer;
    this.roles = fields.roles;
    this.secret = fields.secret;
    this.clientId = fields.clientId;
    this.objectId = fields.objectId;
  }

  /** Trusts its own issuer, and has an engine that only pretends, unless others are named. */
  static async open(
    assignmentsFor: (objectId: string) => readonly RoleGrant[] = everyRole,
    network: Partial<NetworkOptions> = {},
    trusted: readonly TrustedIssuer[] | undefined = undefined,
    others: DirectoryObjects = NOBODY,
    realEngine: KeyService | undefined = undefined,
  ): Promise<TestServer> {
    const engine = new FakeEngine();
    const attestations = new FakeAttestations();
    const audit = new FakeAudit();
    const securityDomain = new FakeSecurityDomain();
    const domainRecovery = new FakeDomainRecovery();
    const backups = new FakeBackups();
    const replacements = new FakeReplacements();
    const tokens = new FakeTokens();
    const secret = 'correct horse battery staple';
    const { application, servicePrincipal } = newApplication(TENANT, 'test');
    const documents = testDocuments();
    const directory = await StoredDirectory.open(documents, TENANT, () => undefined);
    await addAll(directory, {
      tenants: [{ id: TENANT, displayName: 'test' }],
      applications: [
        { ...application, secrets: [await keptSecret(secret, undefined, Date.now())] },
        ...others.applications,
      ],
      servicePrincipals: [{ ...servicePrincipal, isAdministrator: true }, ...others.servicePrincipals],
      users: others.users,
      groups: others.groups,
    });
    const audiences = new Audiences(DOMAIN);
    const keys = await issuerKeys();
    const issuer = new EmbeddedIssuer({
      host: LOGIN_HOST,
      directory,
      keys,
      federatedKeys: new FederatedKeys(new Map()),
      resources: audiences,
      directoryResources: new Audiences(LOGIN_HOST, []),
      documents,
    });
    const now = new Date();
    const authority = await newAuthority('test', NAMES, now);
    const tls = await issueServerCertificate(authority, NAMES, now);
    const roles = await rolesWith(assignmentsFor(servicePrincipal.id));
    const log: string[] = [];
    let opened: TestServer | undefined;
    const server = await Server.open({
      addresses: [{ host: '127.0.0.1', port: 0, mayBeAbsent: false }],
      privateAddresses: [],
      proxyAddresses: [],
      trustedProxies: [],
      clientAuthorities: undefined,
      firewall: { current: new Firewall(ALL_NETWORKS), close: () => undefined },
      ...network,
      tls,
      hosts: {
        hsmName: 'demo',
        domain: DOMAIN,
        issuer: { kind: 'embedded', host: LOGIN_HOST, tenantId: TENANT },
        port: 8443,
      },
      region: 'local',
      buildVersion: '0.0.0',
      engine: realEngine ?? engine,
      authenticator: new Authenticator(trusted ?? [issuer.trusted]),
      roles,
      attestations,
      audit,
      announced: 'changes',
      securityDomain,
      domainRecovery,
      backups,
      epoch: await replacements.epoch(),
      tokens,
      issuer,
      directory: {
        source: directory,
        changes: new DirectoryChanges(directory),
        authenticator: new Authenticator([issuer.trustedByDirectory]),
      },
      readiness: () => opened?.readiness ?? { ready: false },
      log: pino({ level: 'debug' }, { write: (line: string) => log.push(line) }),
    });
    opened = new TestServer({
      engine,
      attestations,
      audit,
      securityDomain,
      domainRecovery,
      backups,
      replacements,
      tokens,
      server,
      authority: authority.certificate,
      log,
      issuer,
      roles,
      secret,
      clientId: application.clientId,
      objectId: servicePrincipal.id,
    });
    return opened;
  }

  get port(): number {
    return this.server.addresses[0]?.port ?? 0;
  }

  /** Of the application that holds the assignments. */
  accessToken(): Promise<string> {
    this.#token ??= this.newAccessToken();
    return this.#token;
  }

  async newAccessToken(resource = `https://${DOMAIN}:${this.port}`): Promise<string> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: this.clientId,
      client_secret: this.secret,
      scope: `${resource}/.default`,
    });
    const origin = `https://${LOGIN_HOST}:${this.port}`;
    const { access_token } = await this.issuer.token({
      origin,
      tenant: 'adfs',
      version: 'v2',
      form,
      authorization: undefined,
    });
    return access_token;
  }

  async request(path: string, options: RequestOptions = {}): Promise<Reply> {
    const { method = 'GET', host = `${POOL_HOST}:${this.port}`, body, authenticated = true } = options;
    const { announcedOnly = false } = options;
    const authorization: Record<string, string> = authenticated
      ? { authorization: `Bearer ${await this.accessToken()}` }
      : {};
    return send({
      port: this.port,
      authority: this.authority,
      method,
      path,
      headers: { host, ...authorization, ...options.headers },
      body,
      announcedOnly,
    });
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return this.send('POST', path, body, headers);
  }

  /** With a body in JSON, or as it is when it is bytes or a text. */
  async send(method: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return this.request(path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
  }
}

async function rolesWith(grants: readonly RoleGrant[]): Promise<Roles> {
  const roles = await Roles.open({
    documents: testDocuments(),
    builtIn: builtInRoles({ cryptoUserMayDelete: false }),
    onTrouble: (error) => {
      throw error;
    },
  });
  for (const grant of grants) await roles.addAssignment({ ...grant, id: randomUUID() });
  return roles;
}

async function addAll(directory: StoredDirectory, objects: DirectoryObjects): Promise<void> {
  for (const each of objects.tenants) await directory.add('tenants', each);
  for (const each of objects.applications) await directory.add('applications', each);
  for (const each of objects.servicePrincipals) await directory.add('servicePrincipals', each);
  for (const each of objects.users) await directory.add('users', each);
  for (const each of objects.groups) await directory.add('groups', each);
}

/** The roles that together may do everything. */
function everyRole(principalId: string): readonly RoleGrant[] {
  const { cryptoUser, cryptoOfficer, administrator } = BUILT_IN_ROLE_IDS;
  return [cryptoUser, cryptoOfficer, administrator].map((roleDefinitionId) => ({
    principalId,
    roleDefinitionId,
    scope: '/',
  }));
}

interface Sent {
  readonly port: number;
  readonly authority: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: string | Uint8Array | undefined;
  readonly announcedOnly: boolean;
}

/** Paths go out as they are: what a URL class would tidy up is what the tests are about. */
function send({ port, authority, method, path, headers, body, announcedOnly }: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        servername: POOL_HOST,
        ca: authority,
        method,
        path,
        headers,
        agent: false,
        setHost: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            get json() {
              return JSON.parse(text);
            },
          });
        });
      },
    );
    request.on('error', reject);
    if (announcedOnly) {
      request.flushHeaders();
      return;
    }
    if (body !== undefined) request.setHeader('content-length', Buffer.byteLength(body));
    else if (method !== 'GET') request.setHeader('content-length', 0);
    request.end(body);
  });
}
