import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { fetchJson } from './fetch_json.ts';

export interface PublishedKeysOptions {
  /** Of the issuer's OpenID metadata. */
  readonly metadata: URL;
  /** Certificates in PEM that vouch for the issuer's server, in place of the system's. */
  readonly certificateAuthorities: string | undefined;
  /** Whether the metadata with this `issuer` is that of the one whose keys are looked for. */
  readonly speaksFor: (issuer: string) => boolean;
  /** For messages: `the attestation authority`. */
  readonly owner: string;
}

/**
 * The keys that an issuer publishes, by way of its OpenID metadata (OpenID Connect Discovery 1.0). They are fetched when they are first
 * needed, when they have become old, and when a token names one that is not among them; never again before the pause is over, whatever
 * tokens come.
 */
export class PublishedKeys {
  readonly #options: PublishedKeysOptions;
  readonly #clock: () => number;
  #keys: JWTVerifyGetKey | undefined;
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  /** The clock in milliseconds, from anywhere. */
  constructor(options: PublishedKeysOptions, clock: () => number) {
    this.#options = options;
    this.#clock = clock;
  }

  /** @throws StrongroomError `ServiceUnavailable` when there are no keys at all; JOSEError when none of them fits */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.#keys === undefined || this.#clock() - this.#fetchedMs > LIMITS.authorityKeysAgeMs) await this.#refresh();
    const keys = this.#requireKeys();
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#refresh();
      return this.#requireKeys()(header, token);
    }
  };

  #requireKeys(): JWTVerifyGetKey {
    if (this.#keys !== undefined) return this.#keys;
    throw this.#unavailable();
  }

  /** Where it fails, the keys of before stay in use until they are too old to be believed. */
  async #refresh(): Promise<void> {
    if (this.#fetching === undefined) {
      if (this.#clock() - this.#triedMs < LIMITS.authorityPauseMs) return;
      this.#triedMs = this.#clock();
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
    }
    try {
      await this.#fetching;
    } catch (cause) {
      if (this.#clock() - this.#fetchedMs > LIMITS.authorityKeysMostMs) this.#keys = undefined;
      if (this.#keys !== undefined) return;
      throw this.#unavailable(cause);
    }
  }

  async #fetch(): Promise<void> {
    const { metadata, certificateAuthorities, speaksFor } = this.#options;
    const document = (await fetchJson(metadata, certificateAuthorities)) as Record<string, unknown> | null;
    const { issuer, jwks_uri: address } = document ?? {};
    if (typeof issuer !== 'string' || !speaksFor(issuer)) throw new Error(`${metadata.href} speaks for another issuer`);
    if (typeof address !== 'string' || !URL.canParse(address)) throw new Error(`${metadata.href} has no jwks_uri`);
    const keySet = await fetchJson(new URL(address), certificateAuthorities);
    if (!isKeySet(keySet)) throw new Error(`${address} is no JSON Web Key Set`);
    this.#keys = createLocalJWKSet(keySet);
    this.#fetchedMs = this.#clock();
  }

  #unavailable(cause?: unknown): StrongroomError {
    return new StrongroomError('ServiceUnavailable', `The keys of ${this.#options.owner} cannot be had now.`, {
      cause,
    });
  }
}

/** Its members are looked at when they are used. */
export function isKeySet(value: unknown): value is JSONWebKeySet {
  const keys = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
  return Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key === 'object' && key !== null);
}
