import type { JSONWebKeySet } from 'jose';
import type { SecurityPrincipal } from '../../model/principal.ts';
import type { SealedDocuments } from '../../store/sealed_documents.ts';
import { entraClaims } from '../claim_reader.ts';
import type { AudienceRule, TrustedIssuer } from '../issuer.ts';
import { notAccepted } from '../refusal.ts';
import { ClientAuthenticator } from './client_authenticator.ts';
import { Delegations } from './delegations.ts';
import { authorizeDevice, type DeviceAuthorization } from './device_authorization.ts';
import { DeviceCodes } from './device_codes.ts';
import { type DirectorySource, HOME_ALIAS } from './directory.ts';
import { EntraError } from './entra_error.ts';
import type { FederatedKeys } from './federated_keys.ts';
import type { GrantParts } from './grants/grant.ts';
import { GRANTS } from './grants/grants.ts';
import { findTenant } from './known_tenant.ts';
import { SignIns } from './sign_ins.ts';
import { SIGNING_ALGORITHM } from './signing_key.ts';
import type { IssuerKeys } from './signing_keys.ts';
import { issuerName, TokenMint } from './token_mint.ts';
import { type ReceivedTokenRequest, refuseRepeated } from './token_request.ts';
import type { TokenResponse } from './token_response.ts';

export interface EmbeddedIssuerOptions {
  /** Host that it is served at, without the port. */
  readonly host: string;
  readonly directory: DirectorySource;
  readonly keys: IssuerKeys;
  readonly federatedKeys: FederatedKeys;
  /** What tokens may be asked for: the pool, and the directory. */
  readonly resources: AudienceRule;
  readonly directoryResources: AudienceRule;
  /** Where codes and refresh tokens are kept. */
  readonly documents: SealedDocuments;
}

/** Left out when issuers are compared: behind a forwarded port the same issuer is reached at, and named by, another one. */
const PORT = /^(https:\/\/[^/:]+):\d{1,5}(?=\/)/;

/** An issuer of access tokens in the shape of Entra's (Azure API §4.5). */
export class EmbeddedIssuer {
  readonly #directory: DirectorySource;
  readonly #keys: IssuerKeys;
  readonly #parts: GrantParts;
  /** What people do at its pages. */
  readonly signIns: SignIns;
  /** What an authenticator needs to believe its tokens: those for the pool's own tenant. */
  readonly trusted: TrustedIssuer;
  /** Likewise for tokens that are for the directory. */
  readonly trustedByDirectory: TrustedIssuer;

  constructor(options: EmbeddedIssuerOptions) {
    const { host, directory, keys, federatedKeys, documents, directoryResources } = options;
    const resources: AudienceRule = {
      includes: (name) => options.resources.includes(name) || directoryResources.includes(name),
    };
    const { homeTenantId } = directory.current;
    const readClaims = entraClaims(homeTenantId);
    const iss = issuerName(`https://${host}`, homeTenantId);
    this.#directory = directory;
    const delegations = new Delegations(documents);
    const deviceCodes = new DeviceCodes(documents);
    this.#keys = keys;
    this.#parts = {
      directory,
      clients: new ClientAuthenticator(directory, federatedKeys),
      mint: new TokenMint(keys),
      resources,
      delegations,
      deviceCodes,
    };
    this.signIns = new SignIns({ directory, resources, delegations, deviceCodes });
    this.trusted = {
      issues: (claim) => claim.replace(PORT, '$1') === iss,
      algorithms: [SIGNING_ALGORITHM],
      keys: keys.find,
      audiences: options.resources,
      listsAudience: false,
      principalOf: (claims) => this.#requireActive(readClaims(claims)),
    };
    this.trustedByDirectory = { ...this.trusted, audiences: directoryResources };
  }

  get keySet(): JSONWebKeySet {
    return this.#keys.keySet;
  }

  /** At the tenant's older address the older endpoints; at its alias there is one address for both. @throws EntraError `unknownTenant` */
  openidConfiguration(origin: string, tenant: string, version: 'v1' | 'v2'): Record<string, unknown> {
    const { id } = findTenant(this.#directory.current, tenant);
    const path = version === 'v2' || tenant.toLowerCase() === HOME_ALIAS ? '/v2.0' : '';
    return {
      issuer: issuerName(origin, id),
      authorization_endpoint: `${origin}/${tenant}/oauth2${path}/authorize`,
      token_endpoint: `${origin}/${tenant}/oauth2${path}/token`,
      device_authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/devicecode`,
      jwks_uri: `${origin}/${tenant}/discovery${path}/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic', 'none'],
      token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256'],
      grant_types_supported: [...GRANTS.keys()],
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'form_post'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: [SIGNING_ALGORITHM],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    };
  }

  /** Lists this host as an authority of its own, for clients that ask before they trust it. */
  instanceDiscovery(origin: string): Record<string, unknown> {
    const { host } = new URL(origin);
    const { homeTenantId } = this.#directory.current;
    return {
      tenant_discovery_endpoint: `${origin}/${homeTenantId}/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    };
  }

  /** The token endpoint (RFC 6749 §3.2). @throws EntraError */
  async token(received: ReceivedTokenRequest): Promise<TokenResponse> {
    const tenant = findTenant(this.#directory.current, received.tenant);
    refuseRepeated(received.form);
    const grant = GRANTS.get(received.form.get('grant_type') ?? '');
    if (grant === undefined) {
      throw new EntraError('unsupportedGrant', 'The app requested an unsupported grant type.');
    }
    return grant({ ...received, tenant }, this.#parts);
  }

  /** The device authorization endpoint (RFC 8628 §3.1), asked from this address. @throws EntraError */
  async deviceCode(received: ReceivedTokenRequest, address: string): Promise<DeviceAuthorization> {
    const tenant = findTenant(this.#directory.current, received.tenant);
    refuseRepeated(received.form);
    return authorizeDevice({ ...received, tenant }, this.#parts, address);
  }

  /** Removes what has ended by itself from the store. */
  async sweep(): Promise<void> {
    const { delegations, deviceCodes, directory } = this.#parts;
    await delegations.sweep((userId) => directory.current.findUserById(userId) !== undefined);
    await deviceCodes.sweep();
  }

  /** Who has been disabled or deleted since the token was given is nobody any more. */
  #requireActive(principal: SecurityPrincipal): SecurityPrincipal {
    if (this.#directory.current.findActive(principal.objectId) !== undefined) return principal;
    throw notAccepted('its holder is disabled, or not in the directory any more');
  }
}
