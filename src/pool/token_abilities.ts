import { ALGORITHMS, type Algorithm, type Realisation } from '../model/algorithm.ts';
import { MECHANISM } from '../pkcs11/mechanism.ts';
import { realisationsOf } from './realisation.ts';
import type { MechanismSupport } from './token_answers.ts';
import type { TokenProfile } from './token_profile.ts';

/** A mechanism (CKM_…), or the making of objects in the token. */
export type Ability = number | 'writing';

const LOOK_AGAIN_MS = 60_000;

/**
 * What a token can do: what it says of itself, less what it was found not to do after all. The latter is put aside for a while, and is
 * looked at again by being asked for.
 */
export class TokenAbilities {
  readonly #profile: Pick<TokenProfile, 'oaepHashes' | 'curves'>;
  readonly #isWritable: boolean;
  readonly #onChange: () => void;
  readonly #lookAgainMs: number;
  readonly #aside = new Map<Ability, NodeJS.Timeout>();
  #listed: ReadonlyMap<number, MechanismSupport> = new Map();
  #mechanisms: ReadonlyMap<number, MechanismSupport> = new Map();
  #realisations: ReadonlySet<Realisation> = new Set();

  constructor(
    profile: Pick<TokenProfile, 'oaepHashes' | 'curves'>,
    isWritable: boolean,
    onChange: () => void,
    lookAgainMs: number = LOOK_AGAIN_MS,
  ) {
    this.#profile = profile;
    this.#isWritable = isWritable;
    this.#onChange = onChange;
    this.#lookAgainMs = lookAgainMs;
  }

  /** By CKM_*. */
  get mechanisms(): ReadonlyMap<number, MechanismSupport> {
    return this.#mechanisms;
  }

  /** All ways of doing an algorithm that its mechanisms allow. */
  get realisations(): ReadonlySet<Realisation> {
    return this.#realisations;
  }

  /** Objects can be made in the token. */
  get takesObjects(): boolean {
    return this.#isWritable && !this.#aside.has('writing');
  }

  /** What the token lists. */
  learn(listed: ReadonlyMap<number, MechanismSupport>): void {
    this.#listed = listed;
    this.#weigh();
  }

  /** The token does not do it now. */
  putAside(ability: Ability): void {
    if (this.#aside.has(ability)) return;
    const timer = setTimeout(() => {
      this.#aside.delete(ability);
      this.#changed();
    }, this.#lookAgainMs);
    timer.unref();
    this.#aside.set(ability, timer);
    this.#changed();
  }

  /** Nothing is aside any more. */
  lookAgain(): void {
    if (this.#aside.size === 0) return;
    this.close();
    this.#changed();
  }

  close(): void {
    for (const timer of this.#aside.values()) clearTimeout(timer);
    this.#aside.clear();
  }

  #changed(): void {
    this.#weigh();
    this.#onChange();
  }

  #weigh(): void {
    this.#mechanisms = new Map([...this.#listed].filter(([mechanism]) => !this.#aside.has(mechanism)));
    this.#realisations = new Set([...ALGORITHMS.values()].flatMap((algorithm) => this.#waysOf(algorithm)));
  }

  /** Raw RSA does not take the place of a padding that the token has done until now: a decryption that changes its ways is an oracle. */
  #waysOf(algorithm: Algorithm): Realisation[] {
    const ways = realisationsOf(algorithm, this.#listed, this.#profile);
    const isAside = ({ mechanism }: Realisation): boolean => this.#aside.has(MECHANISM[mechanism]);
    if (!ways.some(isAside)) return ways;
    return ways.filter((each) => !isAside(each) && each.way !== 'oaepInHost');
  }
}
