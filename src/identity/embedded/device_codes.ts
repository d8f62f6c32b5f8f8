import { randomInt } from 'node:crypto';
import { StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Document, SealedDocuments } from '../../store/sealed_documents.ts';
import { isSameDigest, newBearerSecret, readBearerSecret } from './bearer_secret.ts';
import type { Delegation } from './delegation.ts';
import { EntraError } from './entra_error.ts';
import { RecentEntries } from './recent_entries.ts';
import type { RequestedAccess } from './requested_access.ts';
import { Turns } from './turns.ts';

/** Who asks for what, on a device that has no browser. */
export interface DeviceRequest {
  readonly tenantId: string;
  readonly clientId: string;
  readonly access: RequestedAccess;
  /** Where the device is. */
  readonly address: string;
}

export type DeviceDecision =
  | { readonly kind: 'allowed'; readonly delegation: Delegation }
  | { readonly kind: 'declined' };

interface KeptDeviceCode extends DeviceRequest {
  readonly digest: string;
  readonly untilMs: number;
  readonly decision: DeviceDecision | undefined;
}

const COLLECTION = 'device_code';
/** Letters that are not taken for one another, and make no words (RFC 8628 §6.1). */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LETTER_COUNT = 8;
/** How much earlier than told a device may ask again. */
const POLL_LEEWAY_MS = 1_000;

/** Device codes (RFC 8628) in the store, so that any server over it takes them. */
export class DeviceCodes {
  readonly #documents: SealedDocuments;
  readonly #clock: () => number;
  /** When each was asked for last, by this server. */
  readonly #polls = new RecentEntries<number>(LIMITS.deviceCodes);
  readonly #turns = new Turns(1, LIMITS.deviceRequestsWaiting, tooManyRequests);

  constructor(documents: SealedDocuments, clock: () => number = Date.now) {
    this.#documents = documents;
    this.#clock = clock;
  }

  /** @throws EntraError `tooManyRequests` */
  request(request: DeviceRequest): Promise<{ readonly userCode: string; readonly deviceCode: string }> {
    return this.#turns.run(async () => {
      const open = await this.#sweep();
      const fromThere = open.filter(({ content }) => content.address === request.address);
      if (open.length >= LIMITS.deviceCodes || fromThere.length >= LIMITS.deviceCodesPerAddress)
        throw tooManyRequests();
      const letters = Array.from({ length: LETTER_COUNT }, () => LETTERS[randomInt(LETTERS.length)]).join('');
      const { text, digest } = newBearerSecret([]);
      const untilMs = this.#clock() + LIMITS.deviceCodeMs;
      const kept: KeptDeviceCode = { ...request, digest, untilMs, decision: undefined };
      await this.#documents.add(COLLECTION, letters, kept);
      return { userCode: shown(letters), deviceCode: `${letters}.${text}` };
    });
  }

  /** What waits for the person who types this code. */
  async findOpen(userCode: string): Promise<DeviceRequest | undefined> {
    return (await this.#findOpen(userCode))?.content;
  }

  /** False when there is nothing to decide, any more or at all. */
  async decide(userCode: string, decision: DeviceDecision): Promise<boolean> {
    const document = await this.#findOpen(userCode);
    if (document === undefined) return false;
    try {
      await this.#documents.replace(COLLECTION, { ...document, content: { ...document.content, decision } });
      return true;
    } catch (error) {
      if (isOvertaken(error)) return false;
      throw error;
    }
  }

  /** @throws EntraError `authorizationPending`, `slowDown`, `deviceCodeExpired`, `deviceCodeDeclined` or `deviceCodeInvalid` */
  async redeem(deviceCode: string, clientId: string): Promise<Delegation> {
    const [letters = '', secret = ''] = deviceCode.split('.', 2);
    const read = readBearerSecret(secret, 0);
    const document = read === undefined ? undefined : await this.#find(letters);
    if (read === undefined || document === undefined) throw invalid();
    const { digest, clientId: asked, untilMs, decision } = document.content;
    if (!isSameDigest(digest, read.digest) || asked !== clientId) throw invalid();
    if (untilMs <= this.#clock()) throw new EntraError('deviceCodeExpired', 'The device code has expired.');
    if (decision === undefined) throw this.#pending(letters);
    await this.#take(document);
    if (decision.kind === 'declined') throw new EntraError('deviceCodeDeclined', 'The user declined the request.');
    return decision.delegation;
  }

  /** Removes those that ended a while ago; until then a device is told why it gets nothing. */
  async sweep(): Promise<void> {
    await this.#turns.run(() => this.#sweep());
  }

  async #sweep(): Promise<readonly Document<KeptDeviceCode>[]> {
    const nowMs = this.#clock();
    const all = await this.#documents.list<KeptDeviceCode>(COLLECTION);
    for (const { id, revision, content } of all) {
      if (nowMs < content.untilMs + LIMITS.deviceCodeMs) continue;
      await this.#documents.remove(COLLECTION, id, revision).catch((error: unknown) => {
        if (!isOvertaken(error)) throw error;
      });
    }
    return all.filter(({ content }) => nowMs < content.untilMs && content.decision === undefined);
  }

  async #findOpen(userCode: string): Promise<Document<KeptDeviceCode> | undefined> {
    const letters = userCode.toUpperCase().replaceAll(/[\s-]/g, '');
    const document = await this.#find(letters);
    const isOpen = document?.content.decision === undefined && this.#clock() < (document?.content.untilMs ?? 0);
    return isOpen ? document : undefined;
  }

  async #find(letters: string): Promise<Document<KeptDeviceCode> | undefined> {
    const isOne = letters.length === LETTER_COUNT && [...letters].every((letter) => LETTERS.includes(letter));
    return isOne ? this.#documents.find<KeptDeviceCode>(COLLECTION, letters) : undefined;
  }

  /** Good for one use: of two that ask at once one is refused. */
  async #take({ id, revision }: Document<KeptDeviceCode>): Promise<void> {
    try {
      await this.#documents.remove(COLLECTION, id, revision);
    } catch (error) {
      throw isOvertaken(error) ? invalid() : error;
    }
  }

  #pending(letters: string): EntraError {
    const nowMs = this.#clock();
    const askedMs = this.#polls.get(letters) ?? 0;
    this.#polls.set(letters, nowMs);
    return nowMs < askedMs + LIMITS.devicePollMs - POLL_LEEWAY_MS
      ? new EntraError('slowDown', 'The device asks more often than it was told to.')
      : new EntraError('authorizationPending', 'The user has not yet decided. The user must enter the code.');
  }
}

function shown(letters: string): string {
  return `${letters.slice(0, LETTER_COUNT / 2)}-${letters.slice(LETTER_COUNT / 2)}`;
}

function isOvertaken(error: unknown): boolean {
  return error instanceof StrongroomError && error.code === 'Conflict';
}

function invalid(): EntraError {
  return new EntraError('deviceCodeInvalid', 'The device code is not valid.');
}

function tooManyRequests(): EntraError {
  return new EntraError('tooManyRequests', 'Too many device codes are waiting to be entered.');
}
