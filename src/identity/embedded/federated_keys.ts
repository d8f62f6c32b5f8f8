import type { JWTVerifyGetKey } from 'jose';
import { LIMITS } from '../../model/limits.ts';
import { PublishedKeys } from '../../openid/published_keys.ts';
import { ISSUER_ALGORITHMS } from '../issuer.ts';
import { EntraError } from './entra_error.ts';

/** How tokens of another issuer are verified. */
export interface FederatedIssuerKeys {
  readonly keys: JWTVerifyGetKey;
  readonly algorithms: readonly string[];
}

const METADATA_PATH = '.well-known/openid-configuration';

/**
 * Keys of the issuers that federated credentials name: as the operator's file has them, else those that the issuer publishes. An address is
 * asked because an administrator of the directory has named it, never because a token has.
 */
export class FederatedKeys {
  readonly #configured: ReadonlyMap<string, FederatedIssuerKeys>;
  readonly #published = new Map<string, FederatedIssuerKeys>();

  constructor(configured: ReadonlyMap<string, FederatedIssuerKeys>) {
    this.#configured = configured;
  }

  /** @throws EntraError `federatedIssuer` when its name is no https URL */
  of(issuer: string): FederatedIssuerKeys {
    const known = this.#configured.get(issuer) ?? this.#published.get(issuer);
    if (known !== undefined) return known;
    if (!URL.canParse(issuer) || new URL(issuer).protocol !== 'https:') {
      throw new EntraError('federatedIssuer', 'The keys of the issuer of the presented assertion are not known.');
    }
    const published = new PublishedKeys(
      {
        metadata: new URL(`${issuer.endsWith('/') ? issuer : `${issuer}/`}${METADATA_PATH}`),
        certificateAuthorities: undefined,
        speaksFor: (name) => name === issuer,
        owner: 'the issuer of the client assertion',
      },
      () => performance.now(),
    );
    const keys = { keys: published.find, algorithms: [...ISSUER_ALGORITHMS] };
    if (this.#published.size >= LIMITS.federatedIssuers) this.#published.delete([...this.#published.keys()][0] ?? '');
    this.#published.set(issuer, keys);
    return keys;
  }
}
