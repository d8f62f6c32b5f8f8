import { hash } from 'node:crypto';
import { LIMITS } from '../model/limits.ts';
import type { SecurityPrincipal } from '../model/principal.ts';
import { verifyAccessToken } from './access_token.ts';
import type { TrustedIssuer } from './issuer.ts';
import { notAccepted } from './refusal.ts';

const BEARER = /^Bearer +(?=[^ ])/i;

interface CachedPrincipal {
  readonly principal: SecurityPrincipal;
  readonly certificate: string | undefined;
  /** A clock that is set back ends it too: an hour that comes twice must not lengthen a token's life. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * Who is it? Verifying a token costs as much as signing with a P-256 key, and callers send the same one with each request: so a verified one
 * is remembered by its SHA-256 digest, for a minute at most.
 */
export class Authenticator {
  readonly #issuers: readonly TrustedIssuer[];
  readonly #clock: () => number;
  readonly #verified = new Map<string, CachedPrincipal>();

  constructor(issuers: readonly TrustedIssuer[], clock: () => number = Date.now) {
    this.#issuers = issuers;
    this.#clock = clock;
  }

  /** What an Authorization header carries as access token, whatever that is; `undefined` when it is of another scheme, or too long. */
  static bearerToken(authorization: string | undefined): string | undefined {
    if (authorization === undefined || authorization.length > LIMITS.accessTokenCharacters) return undefined;
    const scheme = BEARER.exec(authorization)?.[0];
    return scheme === undefined ? undefined : authorization.slice(scheme.length);
  }

  /**
   * Answers at once for a token that was verified a short while ago. `certificate` is the SHA-256 of the one that the caller has shown.
   * @throws StrongroomError `Unauthorized`
   */
  authenticate(accessToken: string, certificate?: string): SecurityPrincipal | Promise<SecurityPrincipal> {
    const digest = hash('sha256', accessToken, 'base64');
    const cached = this.#verified.get(digest);
    const nowMs = this.#clock();
    if (cached !== undefined && cached.fromMs <= nowMs && nowMs < cached.untilMs) {
      return ofHolder(cached, certificate);
    }
    return this.#verify(accessToken, digest, nowMs).then((verified) => ofHolder(verified, certificate));
  }

  async #verify(accessToken: string, digest: string, nowMs: number): Promise<CachedPrincipal> {
    const { expires, ...verified } = await verifyAccessToken(accessToken, this.#issuers, nowMs);
    const untilMs = Math.min(nowMs + LIMITS.accessTokenCacheMs, (expires + LIMITS.clockSkewSeconds) * 1000);
    const entry = { ...verified, fromMs: nowMs, untilMs };
    this.#remember(digest, entry);
    return entry;
  }

  /** Entries live equally long, so the first is the oldest. */
  #remember(digest: string, entry: CachedPrincipal): void {
    this.#verified.delete(digest);
    if (this.#verified.size >= LIMITS.accessTokensCached) {
      for (const oldest of this.#verified.keys()) {
        this.#verified.delete(oldest);
        break;
      }
    }
    this.#verified.set(digest, entry);
  }
}

/** A token that is bound to a certificate is good for whoever shows that certificate, and for nobody else (RFC 8705 §3). */
function ofHolder({ principal, certificate }: CachedPrincipal, shown: string | undefined): SecurityPrincipal {
  if (certificate !== undefined && certificate !== shown) throw notAccepted('it is bound to another certificate');
  return principal;
}
