import { StrongroomError } from '../../model/errors.ts';
import type { SecurityPrincipal } from '../../model/principal.ts';
import type { AudienceRule } from '../issuer.ts';
import type { DirectorySource } from './directory.ts';
import {
  chooseIdentity,
  type IdentityName,
  type LocalIdentity,
  type ManagedIdentity,
  resourceIdOf,
} from './managed_identity.ts';
import type { TokenMint } from './token_mint.ts';

export interface ManagedIdentitiesOptions {
  readonly local: readonly LocalIdentity[];
  readonly directory: DirectorySource;
  readonly mint: TokenMint;
  /** What tokens may be asked for. */
  readonly resources: AudienceRule;
  /** `https://host:port` of the issuer, which its tokens name. */
  readonly origin: string;
}

export interface IdentityToken {
  readonly text: string;
  /** Unix seconds. */
  readonly notBefore: number;
  readonly expires: number;
  readonly clientId: string;
  readonly principal: SecurityPrincipal;
}

/**
 * Access tokens for processes of this machine, by the local user that they belong to. There is no credential in it but the key of the
 * issuer, which the service renews by itself.
 */
export class ManagedIdentities {
  readonly #options: ManagedIdentitiesOptions;

  constructor(options: ManagedIdentitiesOptions) {
    this.#options = options;
  }

  /** @throws StrongroomError `BadParameter` for another resource; `Forbidden` (`IdentityNotFound`) when the user has no such identity */
  async token(localUser: number, name: IdentityName | undefined, resource: string): Promise<IdentityToken> {
    const { local, directory, mint, resources, origin } = this.#options;
    if (!resources.includes(resource)) {
      throw new StrongroomError('BadParameter', 'AADSTS500011: The resource principal was not found in the tenant.');
    }
    const own = local.filter(({ localUsers }) => localUsers.includes(localUser));
    const identity = chooseIdentity(
      own.map((each) => each.identity),
      name,
    );
    const { current } = directory;
    if (identity === undefined || current.findActive(identity.id) === undefined) {
      throw new StrongroomError('Forbidden', 'Identity not found', { innerCode: 'IdentityNotFound' });
    }
    const { id: objectId, clientId, tenantId, displayName } = identity;
    const groups = current.groupsOf(objectId);
    const minted = await mint.accessToken({
      request: { origin, tenant: { id: tenantId, displayName }, form: new URLSearchParams() },
      audience: resource,
      client: { clientId, authentication: 'assertion' },
      subject: { kind: 'managedIdentity', objectId, resourceId: resourceIdOf(identity) },
      groups,
    });
    return { ...minted, clientId, principal: principalOf(identity, groups) };
  }
}

function principalOf(identity: ManagedIdentity, groups: readonly string[]): SecurityPrincipal {
  const { id: objectId, tenantId, clientId: applicationId, displayName: name } = identity;
  return { objectId, tenantId, applicationId, groups, kind: 'managedIdentity', name };
}
