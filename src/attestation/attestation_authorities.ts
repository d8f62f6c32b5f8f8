import { createLocalJWKSet, decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Attestation } from '../model/attestation.ts';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { sameAuthority } from '../model/release_policy.ts';
import { PublishedKeys } from '../openid/published_keys.ts';
import { type ConfiguredAuthority, type PublishedKeysPlace, readAuthoritiesFile } from './authorities_file.ts';

interface Authority {
  readonly issuer: string;
  readonly algorithms: readonly string[];
  readonly keys: JWTVerifyGetKey;
}

/** Whose word is taken on environments that ask for keys: an authority for each issuer, with keys that are known beforehand or published. */
export class AttestationAuthorities {
  readonly #authorities: readonly Authority[];
  /** Unix milliseconds. */
  readonly #clock: () => number;

  constructor(configured: readonly ConfiguredAuthority[], clock: () => number = Date.now) {
    this.#clock = clock;
    this.#authorities = configured.map(({ issuer, algorithms, keys }) => ({
      issuer,
      algorithms,
      keys: keys.kind === 'pinned' ? createLocalJWKSet(keys.keySet) : publishedKeys(issuer, keys, clock),
    }));
  }

  /** Without a file, nobody is believed. @throws AuthoritiesFileError */
  static async open(path: string | undefined): Promise<AttestationAuthorities> {
    return new AttestationAuthorities(path === undefined ? [] : await readAuthoritiesFile(path));
  }

  /**
   * Signature, issuer and dates of an attestation token (a JWT, RFC 7519). What its header says of keys (`jku`, `x5u`, `jwk`, `x5c`) is
   * never looked at.
   * @throws StrongroomError `BadParameter` when it is no token; `Forbidden` when it is not believed, and why is for the log;
   * `ServiceUnavailable` when the authority's keys cannot be had
   */
  async verify(token: unknown): Promise<Attestation> {
    if (typeof token !== 'string' || token.length === 0 || token.length > LIMITS.attestationTokenCharacters) {
      throw noToken();
    }
    const { iss } = claimsOf(token);
    const authority = this.#authorities.find(({ issuer }) => typeof iss === 'string' && sameAuthority(issuer, iss));
    if (authority === undefined) throw notBelieved(new Error('its issuer is not trusted'));
    try {
      const { payload } = await jwtVerify(token, authority.keys, {
        algorithms: [...authority.algorithms],
        clockTolerance: LIMITS.clockSkewSeconds,
        currentDate: new Date(this.#clock()),
        requiredClaims: ['iss', 'exp'],
      });
      return { authority: authority.issuer, claims: payload };
    } catch (error) {
      if (error instanceof StrongroomError) throw error;
      // A key of the authority's that cannot be used is no more a reason to believe a token than a wrong signature.
      throw notBelieved(error);
    }
  }
}

function publishedKeys(authority: string, place: PublishedKeysPlace, clock: () => number): JWTVerifyGetKey {
  const speaksFor = (issuer: string): boolean => sameAuthority(issuer, authority);
  return new PublishedKeys({ ...place, speaksFor, owner: 'the attestation authority' }, clock).find;
}

function claimsOf(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch (error) {
    if (error instanceof errors.JOSEError) throw noToken();
    throw error;
  }
}

/** Nothing of it is quoted: what it says of an environment is between that and its authority. */
function noToken(): StrongroomError {
  const most = LIMITS.attestationTokenCharacters;
  return new StrongroomError('BadParameter', `Expected an attestation token of at most ${most} characters for target.`);
}

function notBelieved(cause: unknown): StrongroomError {
  return new StrongroomError('Forbidden', 'The attestation token is not accepted.', {
    innerCode: 'AttestationNotAccepted',
    cause,
  });
}
