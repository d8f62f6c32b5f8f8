import { randomBytes } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, SignJWT } from 'jose';
import type { Audiences } from '../audience.ts';
import { entraClaims } from '../claim_reader.ts';
import type { TrustedIssuer } from '../issuer.ts';
import { ClientAuthenticator, readClientCredentials } from './client_credentials.ts';
import type { Application, Directory } from './directory.ts';
import { EntraError } from './entra_error.ts';
import { SIGNING_ALGORITHM, type SigningKey } from './signing_key.ts';

export interface EmbeddedIssuerOptions {
  /** Host that it is served at, without the port. */
  readonly host: string;
  readonly directory: Directory;
  readonly signingKey: SigningKey;
  readonly audiences: Audiences;
}

export interface TokenRequest {
  /** `https://host:port` as the client reached it. */
  readonly origin: string;
  /** First segment of the path. */
  readonly tenant: string;
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

export interface TokenResponse {
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly ext_expires_in: number;
  readonly access_token: string;
}

/** Another name of the one tenant: with it the client libraries skip instance discovery, so that a private issuer needs no code. */
const TENANT_ALIAS = 'adfs';
/** Left out when issuers are compared: behind a forwarded port the same issuer is reached at, and named by, another one. */
const PORT = /^(https:\/\/[^/:]+):\d{1,5}(?=\/)/;
const LIFETIME_SECONDS = 3_599;
const SCOPE_SUFFIX = '/.default';

/** An issuer of access tokens in the shape of Entra's, for client credentials (Azure API §4.5, rows 1, 2, 5 and 6). */
export class EmbeddedIssuer {
  readonly #options: EmbeddedIssuerOptions;
  readonly #clients = new ClientAuthenticator();
  readonly keySet: JSONWebKeySet;
  /** What an authenticator needs to believe its tokens. */
  readonly trusted: TrustedIssuer;

  constructor(options: EmbeddedIssuerOptions) {
    const { host, directory, signingKey } = options;
    const iss = `https://${host}/${directory.tenantId}/`;
    this.#options = options;
    this.keySet = { keys: [signingKey.publicJwk] };
    this.trusted = {
      issues: (claim) => claim.replace(PORT, '$1') === iss,
      algorithms: [SIGNING_ALGORITHM],
      keys: createLocalJWKSet(this.keySet),
      principalOf: entraClaims(directory.tenantId),
    };
  }

  /** @throws EntraError `unknownTenant` */
  openidConfiguration(origin: string, tenant: string): Record<string, unknown> {
    this.#checkTenant(tenant);
    return {
      issuer: this.#issuerOf(origin),
      authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
      token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
      jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      grant_types_supported: ['client_credentials'],
      response_types_supported: ['token'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: [SIGNING_ALGORITHM],
      scopes_supported: [],
    };
  }

  /** Lists this host as an authority of its own, for clients that ask before they trust it. */
  instanceDiscovery(origin: string): Record<string, unknown> {
    const { host } = new URL(origin);
    const { tenantId } = this.#options.directory;
    return {
      tenant_discovery_endpoint: `${origin}/${tenantId}/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    };
  }

  /** The token endpoint (RFC 6749 §4.4). @throws EntraError */
  async token(request: TokenRequest): Promise<TokenResponse> {
    this.#checkTenant(request.tenant);
    const { form } = request;
    for (const name of new Set(form.keys())) {
      if (form.getAll(name).length > 1) throw new EntraError('invalidRequest', 'A parameter is given more than once.');
    }
    if (form.get('grant_type') !== 'client_credentials') {
      throw new EntraError(
        'unsupportedGrant',
        'The app requested an unsupported grant type; client_credentials is the one supported.',
      );
    }
    const credentials = readClientCredentials(form, request.authorization);
    const audience = this.#audienceOf(form.get('scope'));
    const application = await this.#clients.authenticate(this.#options.directory, credentials);
    return {
      token_type: 'Bearer',
      expires_in: LIFETIME_SECONDS,
      ext_expires_in: LIFETIME_SECONDS,
      access_token: await this.#issue(application, audience, request.origin),
    };
  }

  #checkTenant(tenant: string): void {
    const name = tenant.toLowerCase();
    if (name === this.#options.directory.tenantId || name === TENANT_ALIAS) return;
    throw new EntraError('unknownTenant', 'The tenant was not found.');
  }

  #issuerOf(origin: string): string {
    return `${origin}/${this.#options.directory.tenantId}/`;
  }

  #audienceOf(scope: string | null): string {
    if (scope === null || scope === '') {
      throw new EntraError('scopeMissing', "The request body must contain the following parameter: 'scope'.");
    }
    if (!scope.endsWith(SCOPE_SUFFIX) || scope.includes(' ')) {
      throw new EntraError('scopeInvalid', 'The scope must be one resource with /.default after it.');
    }
    const audience = scope.slice(0, -SCOPE_SUFFIX.length);
    if (!this.#options.audiences.includes(audience)) {
      throw new EntraError('unknownResource', 'The resource principal of the scope was not found in the tenant.');
    }
    return audience;
  }

  #issue(application: Application, audience: string, origin: string): Promise<string> {
    const { directory, signingKey } = this.#options;
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      aud: audience,
      iss: this.#issuerOf(origin),
      iat: now,
      nbf: now,
      exp: now + LIFETIME_SECONDS + 1,
      appid: application.clientId,
      appidacr: '1',
      idp: this.#issuerOf(origin),
      idtyp: 'app',
      oid: application.objectId,
      sub: application.objectId,
      tid: directory.tenantId,
      uti: randomBytes(16).toString('base64url'),
      ver: '1.0',
    })
      .setProtectedHeader({ typ: 'JWT', alg: SIGNING_ALGORITHM, kid: signingKey.keyId })
      .sign(signingKey.privateKey);
  }
}
