import { randomUUID } from 'node:crypto';
import { StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Document, SealedDocuments } from '../../store/sealed_documents.ts';
import { isSameDigest, newBearerSecret, readBearerSecret } from './bearer_secret.ts';
import type { CodeDelegation, Delegation } from './delegation.ts';
import { EntraError } from './entra_error.ts';

/** Refuses by throwing. */
type Check<T> = (delegation: T) => void;

export interface Redeemed<T extends Delegation> {
  readonly delegation: T;
  /** Where the delegation is meant to outlast the access token. */
  readonly refreshToken: string | undefined;
}

interface KeptCode {
  readonly digest: string;
  readonly untilMs: number;
  readonly delegation: CodeDelegation;
}

/** Refresh tokens, each given for the one before: the latest is the one that is good. */
interface KeptFamily {
  readonly id: string;
  readonly digest: string;
  readonly startedMs: number;
  readonly usedMs: number;
  /** Of the authorization code that it began with. */
  readonly codeDigest: string | undefined;
  readonly delegation: Delegation;
}

/** All of one user, in one document: so their number is bounded, and a code can be taken and its refresh token given in one change. */
interface KeptDelegations {
  readonly codes: readonly KeptCode[];
  readonly families: readonly KeptFamily[];
}

const COLLECTION = 'delegation';
const OFFLINE = 'offline_access';
const NOTHING: KeptDelegations = { codes: [], families: [] };

/**
 * Authorization codes (RFC 6749 §4.1) and refresh tokens (§6, RFC 9700 §4.14) in the store, so that any server over it takes them and a
 * restart does not end them. Both are good for one use; the second use of one is taken for theft and ends what the first gave.
 */
export class Delegations {
  readonly #documents: SealedDocuments;
  readonly #clock: () => number;

  constructor(documents: SealedDocuments, clock: () => number = Date.now) {
    this.#documents = documents;
    this.#clock = clock;
  }

  async addCode(delegation: CodeDelegation): Promise<string> {
    const { text, digest } = newBearerSecret([delegation.userId]);
    const code = { digest, untilMs: this.#clock() + LIMITS.authorizationCodeMs, delegation };
    await this.#change(delegation.userId, (kept) => ({
      kept: { ...kept, codes: [...kept.codes, code].slice(-LIMITS.authorizationCodesPerUser) },
      outcome: undefined,
    }));
    return text;
  }

  /** A code is used up by this, whether it passes the check or not. @throws EntraError `codeInvalid`, `codeReused`, or that of the check */
  async redeemCode(text: string, check: Check<CodeDelegation>): Promise<Redeemed<CodeDelegation>> {
    const { ids: [userId] = [], digest } = readBearerSecret(text, 1) ?? {};
    if (userId === undefined || digest === undefined) throw codeInvalid();
    const result = await this.#change<() => Redeemed<CodeDelegation>>(userId, (kept) => {
      const code = kept.codes.find((each) => isSameDigest(each.digest, digest));
      if (code === undefined) {
        const families = kept.families.filter(({ codeDigest }) => codeDigest !== digest);
        const isReused = families.length < kept.families.length;
        return { kept: { ...kept, families }, outcome: thrower(isReused ? codeReused() : codeInvalid()) };
      }
      const codes = kept.codes.filter((each) => each !== code);
      const refusal = refusalOf(check, code.delegation);
      if (refusal !== undefined) return { kept: { ...kept, codes }, outcome: thrower(refusal) };
      const { redirectUri: _redirectUri, challenge: _challenge, nonce: _nonce, ...delegation } = code.delegation;
      const started = this.#newFamily(delegation, digest);
      return {
        kept: { codes, families: withFamily(kept.families, started?.family) },
        outcome: () => ({ delegation: code.delegation, refreshToken: started?.text }),
      };
    });
    return result();
  }

  /** The first refresh token of a delegation that was given in another way; undefined where none was asked for. */
  async start(delegation: Delegation): Promise<string | undefined> {
    const started = this.#newFamily(delegation, undefined);
    if (started === undefined) return undefined;
    await this.#change(delegation.userId, (kept) => ({
      kept: { ...kept, families: withFamily(kept.families, started.family) },
      outcome: undefined,
    }));
    return started.text;
  }

  /** Gives the next refresh token for this one. What is not right ends all of its family. @throws EntraError `refreshTokenInvalid`, or that of the check */
  async rotate(text: string, check: Check<Delegation>): Promise<Redeemed<Delegation>> {
    const { ids: [userId, familyId] = [], digest } = readBearerSecret(text, 2) ?? {};
    if (userId === undefined || familyId === undefined || digest === undefined) throw refreshTokenInvalid();
    const result = await this.#change<() => Redeemed<Delegation>>(userId, (kept) => {
      const family = kept.families.find(({ id }) => id === familyId);
      const families = kept.families.filter((each) => each !== family);
      const isLatest = family !== undefined && isSameDigest(family.digest, digest);
      if (!isLatest) return { kept: { ...kept, families }, outcome: thrower(refreshTokenInvalid()) };
      const refusal = refusalOf(check, family.delegation);
      if (refusal !== undefined) return { kept: { ...kept, families }, outcome: thrower(refusal) };
      const next = newBearerSecret([userId, familyId]);
      const renewed = { ...family, digest: next.digest, usedMs: this.#clock() };
      return {
        kept: { ...kept, families: withFamily(families, renewed) },
        outcome: () => ({ delegation: family.delegation, refreshToken: next.text }),
      };
    });
    return result();
  }

  /** Removes what has ended, and what belongs to users that are gone. */
  async sweep(exists: (userId: string) => boolean): Promise<void> {
    for (const document of await this.#documents.list<KeptDelegations>(COLLECTION)) {
      const isIdle = exists(document.id) && !this.#hasEnded(document.content);
      if (isIdle) continue;
      await this.#change(document.id, (kept) => ({ kept: exists(document.id) ? kept : NOTHING, outcome: undefined }));
    }
  }

  #newFamily(
    delegation: Delegation,
    codeDigest: string | undefined,
  ): { readonly family: KeptFamily; readonly text: string } | undefined {
    if (!delegation.access.openIdScopes.includes(OFFLINE)) return undefined;
    const id = randomUUID();
    const { text, digest } = newBearerSecret([delegation.userId, id]);
    const nowMs = this.#clock();
    return { text, family: { id, digest, startedMs: nowMs, usedMs: nowMs, codeDigest, delegation } };
  }

  /** Begins again where another request was first. */
  async #change<T>(
    userId: string,
    change: (kept: KeptDelegations) => { readonly kept: KeptDelegations; readonly outcome: T },
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      const document = await this.#documents.find<KeptDelegations>(COLLECTION, userId);
      const { kept, outcome } = change(this.#alive(document?.content ?? NOTHING));
      try {
        await this.#put(userId, document, kept);
        return outcome;
      } catch (error) {
        const isOvertaken = error instanceof StrongroomError && error.code === 'Conflict';
        if (!isOvertaken || tries >= LIMITS.documentChangeTries) throw error;
      }
    }
  }

  async #put(userId: string, before: Document<KeptDelegations> | undefined, kept: KeptDelegations): Promise<void> {
    const isEmpty = kept.codes.length === 0 && kept.families.length === 0;
    if (before === undefined) {
      if (!isEmpty) await this.#documents.add(COLLECTION, userId, kept);
    } else if (isEmpty) {
      await this.#documents.remove(COLLECTION, userId, before.revision);
    } else if (JSON.stringify(kept) !== JSON.stringify(before.content)) {
      await this.#documents.replace(COLLECTION, { ...before, content: kept });
    }
  }

  #alive({ codes, families }: KeptDelegations): KeptDelegations {
    const nowMs = this.#clock();
    return {
      codes: codes.filter(({ untilMs }) => nowMs < untilMs),
      families: families.filter(
        ({ startedMs, usedMs }) =>
          nowMs < startedMs + LIMITS.refreshTokensMostMs && nowMs < usedMs + LIMITS.refreshTokenIdleMs,
      ),
    };
  }

  #hasEnded(kept: KeptDelegations): boolean {
    const { codes, families } = this.#alive(kept);
    return codes.length < kept.codes.length || families.length < kept.families.length;
  }
}

/** The one that was used longest ago makes room. */
function withFamily(families: readonly KeptFamily[], family: KeptFamily | undefined): readonly KeptFamily[] {
  return family === undefined ? families : [...families, family].slice(-LIMITS.refreshTokensPerUser);
}

function refusalOf<T>(check: Check<T>, delegation: T): unknown {
  try {
    check(delegation);
    return undefined;
  } catch (error) {
    return error;
  }
}

function thrower(error: unknown): () => never {
  return () => {
    throw error;
  };
}

function codeInvalid(): EntraError {
  return new EntraError('codeInvalid', 'The provided authorization code is not valid, or has expired.');
}

function codeReused(): EntraError {
  return new EntraError('codeReused', 'The authorization code was already redeemed; what was given for it has ended.');
}

function refreshTokenInvalid(): EntraError {
  return new EntraError('refreshTokenInvalid', 'The refresh token is not valid, has expired, or has been used before.');
}
