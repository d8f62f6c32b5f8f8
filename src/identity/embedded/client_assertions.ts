import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import { LIMITS } from '../../model/limits.ts';
import { readUnverified, type UnverifiedToken } from '../strict_token.ts';
import type { Application, ClientCertificate } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';
import type { FederatedKeys } from './federated_keys.ts';
import { SpentAssertions } from './spent_assertions.ts';

export interface ShownAssertion {
  readonly clientId: string;
  readonly assertion: string;
  /** Whom it may be meant for: the token endpoint by all its names, in lower case. */
  readonly endpoints: ReadonlySet<string>;
}

const CERTIFICATE_ALGORITHMS = ['RS256', 'PS256'];
const PADDING = /=$/;
/** Verifies in place of the key of a client that there is not. */
const NO_KEY: KeyObject = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;

/**
 * Assertions of clients (RFC 7523 §3, Azure API §4.2): signed by the key of a certificate that is registered with the application, or given
 * by another issuer to a subject that is. Which of the two it is the assertion says: a client is its own issuer.
 */
export class ClientAssertions {
  readonly #federatedKeys: FederatedKeys;
  readonly #clock: () => number;
  readonly #spent: SpentAssertions;

  /** The clock in unix milliseconds. */
  constructor(federatedKeys: FederatedKeys, clock: () => number = Date.now) {
    this.#federatedKeys = federatedKeys;
    this.#clock = clock;
    this.#spent = new SpentAssertions(clock);
  }

  /** @throws EntraError. Nothing is thrown for an application that there is not, after as much work: that is for the caller to tell. */
  async check(shown: ShownAssertion, application: Application | undefined): Promise<void> {
    const unverified = readUnverified(shown.assertion);
    if (unverified === undefined)
      throw new EntraError('assertionMalformed', 'The client assertion is no signed token.');
    const { iss, sub } = unverified.claims;
    if (iss === undefined || sub === undefined) {
      throw new EntraError('assertionMalformed', 'The client assertion has no issuer or no subject.');
    }
    const isOwn = iss.toLowerCase() === shown.clientId.toLowerCase();
    if (isOwn) await this.#checkSigned(shown, unverified, application);
    else await this.#checkFederated(shown, unverified, application);
  }

  async #checkSigned(
    { assertion, clientId, endpoints }: ShownAssertion,
    { header, claims }: UnverifiedToken,
    application: Application | undefined,
  ): Promise<void> {
    const certificate = application?.certificates.find((each) => isNamed(each, header));
    if (claims.sub?.toLowerCase() !== clientId.toLowerCase()) {
      throw new EntraError('assertionForeign', "The subject of the client assertion is not its 'client_id'.");
    }
    const key = certificate === undefined ? NO_KEY : createPublicKey(certificate.pem);
    const payload = await this.#verify(assertion, key, CERTIFICATE_ALGORITHMS).catch((error: unknown) => {
      if (certificate !== undefined) throw error;
      return undefined;
    });
    if (application === undefined) return;
    if (certificate === undefined || payload === undefined) {
      throw badSignature('The certificate is not registered with the application');
    }
    const nowMs = this.#clock();
    if (nowMs < certificate.startMs || certificate.endMs <= nowMs) throw badSignature('The certificate is expired');
    const { aud, exp = 0, jti } = payload;
    if (typeof aud !== 'string' || !endpoints.has(aud.toLowerCase())) {
      throw new EntraError('assertionAudience', 'The audience of the client assertion is not this token endpoint.');
    }
    if (exp > nowMs / 1000 + LIMITS.assertionSeconds + LIMITS.clockSkewSeconds) {
      throw new EntraError('assertionTime', `The client assertion is good for more than ${LIMITS.assertionSeconds} s.`);
    }
    if (typeof jti !== 'string' || jti === '') {
      throw new EntraError('assertionMalformed', "The client assertion has no 'jti'.");
    }
    this.#spent.spend(application.clientId, jti, exp);
  }

  async #checkFederated(
    { assertion }: ShownAssertion,
    { claims }: UnverifiedToken,
    application: Application | undefined,
  ): Promise<void> {
    const { iss = '', sub = '', aud } = claims;
    const ofIssuer = (application?.federatedCredentials ?? []).filter(({ issuer }) => issuer === iss);
    const ofSubject = ofIssuer.filter(({ subject }) => subject === sub);
    const credential = ofSubject.find(({ audiences }) => typeof aud === 'string' && audiences.includes(aud));
    if (application === undefined || credential === undefined) {
      await this.#verify(assertion, NO_KEY, CERTIFICATE_ALGORITHMS).catch(() => undefined);
      if (application === undefined) return;
      const message = 'No matching federated identity record found for presented assertion';
      if (ofIssuer.length === 0) throw new EntraError('federatedIssuer', `${message} issuer.`);
      if (ofSubject.length === 0) throw new EntraError('federatedSubject', `${message} subject.`);
      throw new EntraError('federatedAudience', `${message} audience.`);
    }
    const { keys, algorithms } = this.#federatedKeys.of(credential.issuer);
    await this.#verify(assertion, keys, algorithms);
  }

  async #verify(
    assertion: string,
    key: KeyObject | ReturnType<FederatedKeys['of']>['keys'],
    algorithms: readonly string[],
  ): Promise<JWTPayload> {
    const options = {
      algorithms: [...algorithms],
      clockTolerance: LIMITS.clockSkewSeconds,
      currentDate: new Date(this.#clock()),
      requiredClaims: ['exp'],
    };
    try {
      const { payload } =
        typeof key === 'function' ? await jwtVerify(assertion, key, options) : await jwtVerify(assertion, key, options);
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      const isTime = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed;
      if (isTime) throw new EntraError('assertionTime', 'The client assertion is not within its valid time range.');
      throw badSignature('It is not by the key that it names');
    }
  }
}

/** Older libraries write the digest with padding, which RFC 7515 §2 leaves out. */
function isNamed({ x5t, x5tS256 }: ClientCertificate, header: UnverifiedToken['header']): boolean {
  const named = [header['x5t#S256'], header.x5t].filter((each) => each !== undefined);
  const digests = named.map((each) => String(each).replace(PADDING, ''));
  return digests.length > 0 && digests.every((each) => each === x5t || each === x5tS256);
}

function badSignature(reason: string): EntraError {
  return new EntraError('assertionSignature', `Client assertion contains an invalid signature. [Reason - ${reason}.]`);
}
