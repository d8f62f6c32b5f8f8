import { createHash, randomBytes } from 'node:crypto';
import type { Application, DirectoryObjects, User } from '../../src/identity/embedded/directory_objects.ts';
import { newApplication } from '../../src/identity/embedded/new_application.ts';
import { hashPassword } from '../../src/identity/embedded/password.ts';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { DOMAIN, LOGIN_HOST, type Reply, TENANT, TestServer } from './test_server.ts';

export const PASSWORD = 'correct horse battery staple';
export const ALICE = 'alice@contoso.example';
export const REDIRECT_URI = 'http://localhost:49152';

type Form = Readonly<Record<string, string>>;

/** A form of the issuer's, as a browser has it. */
export interface OpenForm {
  readonly cookie: string;
  readonly token: string;
  readonly page: Reply;
}

/** The built-in issuer over TLS with people and applications in it, and a browser without a window to visit it. */
export class SignInSite {
  readonly server: TestServer;
  /** With no secret, on people's own machines. */
  readonly desktop: Application;
  readonly website: Application;
  readonly users: ReadonlyMap<string, User>;

  private constructor(server: TestServer, desktop: Application, website: Application, users: readonly User[]) {
    this.server = server;
    this.desktop = desktop;
    this.website = website;
    this.users = new Map(users.map((user) => [user.userPrincipalName, user]));
  }

  static async open(changes: { readonly desktop?: Partial<Application> } = {}): Promise<SignInSite> {
    const desktop = newApplication(TENANT, 'Key tool');
    const website = newApplication(TENANT, 'Web shop');
    const password = await hashPassword(PASSWORD);
    const user = (name: string, more: Partial<User> = {}): User => ({
      id: crypto.randomUUID(),
      tenantId: TENANT,
      userPrincipalName: `${name}@contoso.example`,
      displayName: name,
      isEnabled: true,
      isAdministrator: false,
      password,
      ...more,
    });
    const users = ['alice', 'bob', 'carol', 'dave'].map((name) => user(name));
    users.push(user('disabled', { isEnabled: false }), user('without', { password: undefined }));
    const publicApplication: Application = {
      ...desktop.application,
      isPublicClient: true,
      redirectUris: ['http://localhost', 'com.contoso.tool://auth'],
      ...changes.desktop,
    };
    const confidential: Application = { ...website.application, redirectUris: ['https://shop.example/cb?x=1'] };
    const objects: DirectoryObjects = {
      tenants: [],
      applications: [publicApplication, confidential],
      servicePrincipals: [desktop.servicePrincipal, website.servicePrincipal],
      users,
      groups: [],
    };
    const roles = (objectId: string) =>
      [objectId, ...users.map(({ id }) => id)].map((principalId) => ({
        principalId,
        roleDefinitionId: BUILT_IN_ROLE_IDS.cryptoUser,
        scope: '/' as const,
      }));
    const server = await TestServer.open(roles, {}, undefined, objects);
    return new SignInSite(server, publicApplication, confidential, users);
  }

  get host(): string {
    return `${LOGIN_HOST}:${this.server.port}`;
  }

  get origin(): string {
    return `https://${this.host}`;
  }

  get scope(): string {
    return `https://${DOMAIN}:${this.server.port}/.default openid profile offline_access`;
  }

  get(path: string, headers: Form = {}): Promise<Reply> {
    return this.server.request(path, { host: this.host, authenticated: false, headers });
  }

  post(path: string, form: Form, headers: Form = {}): Promise<Reply> {
    return this.server.request(path, {
      method: 'POST',
      host: this.host,
      authenticated: false,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(form).toString(),
    });
  }

  token(form: Form): Promise<Reply> {
    return this.post('/adfs/oauth2/v2.0/token', { client_id: this.desktop.clientId, client_info: '1', ...form });
  }

  authorizePath(changes: Readonly<Record<string, string | undefined>> = {}): string {
    const all = {
      client_id: this.desktop.clientId,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      scope: this.scope,
      state: 'a state',
      nonce: 'a nonce',
      code_challenge: challengeOf(VERIFIER),
      code_challenge_method: 'S256',
      ...changes,
    };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return `/adfs/oauth2/v2.0/authorize?${new URLSearchParams(given)}`;
  }

  async open(path: string, headers: Form = {}): Promise<OpenForm> {
    return formOn(await this.get(path, headers));
  }

  /** Types name and password into the page, and sends it. */
  async signIn(path = this.authorizePath(), changes: Form = {}, headers: Form = {}): Promise<Reply> {
    const { cookie, token } = await this.open(path);
    const form = { form_token: token, user_name: ALICE, password: PASSWORD, decision: 'allow', ...changes };
    return this.post(path, form, { cookie, origin: this.origin, 'sec-fetch-site': 'same-origin', ...headers });
  }

  /** The code that a person's browser brings to the application. */
  async code(changes: Readonly<Record<string, string | undefined>> = {}, userName = ALICE): Promise<string> {
    const reply = await this.signIn(this.authorizePath(changes), { user_name: userName });
    return answerOf(reply).get('code') ?? `no code: ${reply.status} ${reply.text}`;
  }

  /** As the application redeems it. */
  redeem(code: string, changes: Form = {}): Promise<Reply> {
    return this.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT_URI,
      code_verifier: VERIFIER,
      scope: this.scope,
      ...changes,
    });
  }

  /** What one refresh token gives. */
  refresh(refreshToken: string, changes: Form = {}): Promise<Reply> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken, scope: this.scope, ...changes });
  }
}

export const VERIFIER = randomBytes(32).toString('base64url');

export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

/** What a redirect brings to the application. */
export function answerOf({ headers }: Reply): URLSearchParams {
  return new URL(String(headers.location)).searchParams;
}

export function formOn(page: Reply): OpenForm {
  const [cookie = ''] = String(page.headers['set-cookie']).split(';');
  const token = /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  return { cookie, token, page };
}
