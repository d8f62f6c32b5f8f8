import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose';
import { LIMITS } from '../../model/limits.ts';
import type { SealedDocuments } from '../../store/sealed_documents.ts';
import { newSigningKey, readSigningKey, type SigningKey } from './signing_key.ts';

/** What signs, and what its signatures are verified with: by this server and by others over the same store. */
export interface IssuerKeys {
  readonly current: SigningKey;
  readonly keySet: JSONWebKeySet;
  readonly find: JWTVerifyGetKey;
}

/** Where this server keeps its private key, in PEM, where nobody else can read it. */
export interface KeyFile {
  read(): Promise<string | undefined>;
  write(pem: string): Promise<void>;
}

export interface SigningKeysOptions {
  readonly documents: SealedDocuments;
  readonly file: KeyFile;
  /** Hears of what was tried in the background and failed; it is tried again. */
  readonly onTrouble: (error: unknown) => void;
  /** Unix milliseconds. */
  readonly clock?: () => number;
}

/** A public key as every server over the store publishes it, from before the first signature until the last token that it signed has ended. */
interface PublishedKey {
  readonly jwk: JWK;
  /** Until when it signs, in unix milliseconds. */
  readonly signsUntilMs: number;
  readonly endsMs: number;
}

const COLLECTION = 'issuer_key';
/** Its last token has ended by then, also when the new key comes late. */
const ENDS_AFTER_MS = 24 * 60 * 60 * 1000;
/** A token that names a key which is not known may have been signed by a server that has just begun; it makes us look once in this time. */
const LOOK_AGAIN_MS = 1_000;

/** The keys of the built-in issuer. Each server has one of its own to sign with, and a new one from time to time. */
export class SigningKeys implements IssuerKeys {
  readonly #options: SigningKeysOptions;
  readonly #clock: () => number;
  #current: SigningKey;
  #published: readonly PublishedKey[] = [];
  #lookedMs = Number.NEGATIVE_INFINITY;

  private constructor(options: SigningKeysOptions, current: SigningKey) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#current = current;
  }

  /** @throws StrongroomError `StoreTampered`, `ServiceUnavailable` */
  static async open(options: SigningKeysOptions): Promise<SigningKeys> {
    const kept = await options.file.read();
    const keys = new SigningKeys(options, await readSigningKey(kept ?? (await newSigningKey())));
    options.documents.onChanged(COLLECTION, () => void keys.#look().catch(options.onTrouble));
    await keys.#look();
    await keys.keepFresh();
    return keys;
  }

  get current(): SigningKey {
    return this.#current;
  }

  get keySet(): JSONWebKeySet {
    const nowMs = this.#clock();
    return { keys: this.#published.filter(({ endsMs }) => nowMs < endsMs).map(({ jwk }) => jwk) };
  }

  readonly find: JWTVerifyGetKey = async (header, token) => {
    try {
      return await createLocalJWKSet(this.keySet)(header, token);
    } catch (error) {
      const nowMs = this.#clock();
      if (!(error instanceof errors.JWKSNoMatchingKey) || nowMs - this.#lookedMs < LOOK_AGAIN_MS) throw error;
      await this.#look();
      return createLocalJWKSet(this.keySet)(header, token);
    }
  };

  /** Asked for every minute: a key that is due, or that nobody knows any more, makes room for a new one; those that have ended go. */
  async keepFresh(): Promise<void> {
    const nowMs = this.#clock();
    const own = this.#published.find(({ jwk }) => jwk.kid === this.#current.keyId);
    if (own === undefined || nowMs >= own.signsUntilMs) await this.#rotate();
    if (this.#published.some(({ endsMs }) => endsMs <= nowMs)) await this.#removeEnded(nowMs);
  }

  async #rotate(): Promise<void> {
    const { documents, file } = this.#options;
    const pem = await newSigningKey();
    const next = await readSigningKey(pem);
    const signsUntilMs = this.#clock() + LIMITS.issuerKeyMs;
    const key: PublishedKey = { jwk: next.publicJwk, signsUntilMs, endsMs: signsUntilMs + ENDS_AFTER_MS };
    await documents.add(COLLECTION, next.keyId, key);
    await file.write(pem);
    await this.#look();
    this.#current = next;
  }

  async #removeEnded(nowMs: number): Promise<void> {
    const { documents } = this.#options;
    for (const { id, content, revision } of await documents.list<PublishedKey>(COLLECTION)) {
      if (content.endsMs <= nowMs) await documents.remove(COLLECTION, id, revision);
    }
    await this.#look();
  }

  async #look(): Promise<void> {
    this.#lookedMs = this.#clock();
    const found = await this.#options.documents.list<PublishedKey>(COLLECTION);
    this.#published = found.map(({ content }) => content);
  }
}
