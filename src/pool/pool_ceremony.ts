import { StrongroomError } from '../model/errors.ts';
import { differences, hasMarks, type PoolKeyMarks } from '../pkcs11/pool_key_marks.ts';
import { inspectTokens } from '../pkcs11/provisioning.ts';
import type { ArrivalSight, PoolKeySight } from '../pkcs11/provisioning_arrival.ts';
import type { DomainItem } from '../security_domain/domain_cipher.ts';
import { PinGuard } from './pin_guard.ts';
import { PinSource } from './pin_source.ts';
import {
  bringInPoolKeys,
  type CeremonyToken,
  lockPool,
  lookAt,
  lookAtArriving,
  type SealProof,
  settleIncomingPoolKeys,
  stageIncomingPoolKeys,
  takeOutPoolKeys,
} from './pool_key_ceremony.ts';
import { nameOf, type TokenOptions } from './pool_options.ts';
import { findToken } from './pool_token.ts';

/* What is done to the pool keys in every token of a pool. Each of these can be done again, and then finishes what was interrupted. */

export interface CeremonyTokenOptions extends TokenOptions {
  /** With it a token that is not there yet is made. */
  readonly soPin?: Uint8Array | undefined;
}

/** Tokens that can be logged in to, and those that cannot be found. */
export interface TokensAtHand {
  readonly tokens: readonly CeremonyToken[];
  readonly away: readonly FailedToken[];
}

export interface FailedToken {
  readonly name: string;
  readonly error: unknown;
}

/** What shows whether pool keys are those of a pool. */
export interface PoolEvidence {
  /** Where they come from, for what is said when they are not. */
  readonly what: string;
  /** Of a token that the pool has. */
  readonly marks?: PoolKeyMarks | undefined;
  /** Something that the store of the pool holds. */
  readonly sealed?: SealProof | undefined;
}

/** Tokens of a pool, whether it is open or not. `stateDirectory` is where the pool remembers which PINs were refused. */
export async function withTokensAtHand<Result>(
  options: readonly CeremonyTokenOptions[],
  stateDirectory: string,
  use: (atHand: TokensAtHand) => Promise<Result>,
): Promise<Result> {
  const guard = await PinGuard.open(stateDirectory);
  const tokens: CeremonyToken[] = [];
  const away: FailedToken[] = [];
  try {
    for (const each of options) {
      const { module, environment = {}, soPin, softHsmTokenDirectory } = each;
      const found = await attempt(nameOf(each), () => describe(each));
      if ('error' in found) away.push(found);
      else {
        const { label, serial } = found.result;
        const pin = new PinSource(each.pin);
        const place = { module, environment, softHsmTokenDirectory };
        tokens.push({ ...place, name: nameOf(each), label, serial, pin, guard, soPin });
      }
    }
    return await use({ tokens, away });
  } finally {
    for (const { pin } of tokens) pin.close();
  }
}

/** For what has to be done in all of them or not at all. @throws StrongroomError `ServiceUnavailable` (`TokenAway`) */
export function requireAllAtHand({ away }: TokensAtHand): void {
  const [first] = away;
  if (first === undefined) return;
  const names = away.map(({ name }) => name).join(', ');
  throw new StrongroomError(
    'ServiceUnavailable',
    `Every token of the pool has to be there for this, and away: ${names}. ${messageOf(first.error)}`,
    { innerCode: 'TokenAway', cause: first.error },
  );
}

/** What tokens have, by their names, and those that do not tell. */
export interface PoolSights {
  readonly sights: ReadonlyMap<string, PoolKeySight>;
  readonly unseen: readonly FailedToken[];
}

export async function lookAtAll({ tokens, away }: TokensAtHand): Promise<PoolSights> {
  const sights = new Map<string, PoolKeySight>();
  const failed = await forEach(tokens, async (token) => sights.set(token.name, await lookAt(token)));
  return { sights, unseen: [...away, ...failed] };
}

/**
 * The marks of the pool keys that all of these have, but for those that have none; `undefined` where no one has.
 * @throws StrongroomError `ServiceUnavailable` (`PoolKeysDiffer`)
 */
export function agreedMarks(sights: ReadonlyMap<string, PoolKeySight>): PoolKeyMarks | undefined {
  const [first, ...others] = [...sights].filter(([, { isWhole }]) => isWhole);
  if (first === undefined) return undefined;
  const [firstName, { marks }] = first;
  for (const [name, sight] of others) {
    const keys = differences(marks, sight.marks);
    if (keys.length > 0) throw keysDiffer(`The tokens ${firstName} and ${name} have different pool keys`, keys);
  }
  return marks;
}

/**
 * The pool keys for a security domain, out of the first token that gives them; all others have the same, or none. Answers the tokens as well
 * of which that is not known.
 * @throws StrongroomError `ServiceUnavailable` (`PoolKeysDiffer`, `TokenAway`), or what the last of them said
 */
export async function takeOutOfPool(
  atHand: TokensAtHand,
): Promise<{ readonly items: DomainItem[]; readonly unseen: readonly FailedToken[] }> {
  if (atHand.tokens.length === 0) requireAllAtHand(atHand);
  const { sights, unseen } = await lookAtAll(atHand);
  agreedMarks(sights);
  return { items: await takeOutOfOneOf(atHand.tokens), unseen };
}

/** The first of these tokens that gives its pool keys. @throws StrongroomError `ServiceUnavailable`, what the last of them said */
export async function takeOutOfOneOf(givers: readonly CeremonyToken[]): Promise<DomainItem[]> {
  let refusal: unknown;
  for (const giver of givers) {
    try {
      return await named(giver, () => takeOutPoolKeys(giver));
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal ?? new StrongroomError('ServiceUnavailable', 'No token with pool keys is there.');
}

/**
 * The pool keys of a security domain into each of these tokens that has none. Nothing is changed in any of them unless the keys are those
 * of the pool, and none has others. Answers the names of those that have got them; the others had them.
 * @throws StrongroomError `BadParameter` (`SecurityDomainWrong`), `ServiceUnavailable` (`PoolKeysDiffer`)
 */
export async function bringInEverywhere(
  tokens: readonly CeremonyToken[],
  items: readonly DomainItem[],
  evidence: PoolEvidence,
): Promise<string[]> {
  const { sealed } = evidence;
  const inputs = sealed === undefined ? [] : [sealed.input];
  for (const token of tokens) {
    const arrival = await named(token, () => lookAtArriving(token, items, inputs));
    requireEvidence(arrival, evidence);
    requireNoOthers(token.name, arrival.sight.marks, arrival.marks);
  }
  const isNew: string[] = [];
  for (const token of tokens) {
    if (await named(token, () => bringInPoolKeys(token, items))) isNew.push(token.name);
  }
  return isNew;
}

/**
 * The pool keys of a security domain into each of these tokens, beside those that it has. Answers the seals that they give to the inputs.
 * Where this fails, and as long as it is not settled, every token has and uses the keys of before.
 * @throws StrongroomError `BadParameter` (`SecurityDomainWrong`), `ServiceUnavailable`
 */
export async function stageEverywhere(
  tokens: readonly CeremonyToken[],
  items: readonly DomainItem[],
  inputs: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  let seals: Uint8Array[] | undefined;
  for (const token of tokens) {
    const given = await named(token, () => stageIncomingPoolKeys(token, items, inputs));
    seals ??= given;
    if (given.some((seal, at) => Buffer.compare(seal, seals?.[at] ?? new Uint8Array()) !== 0)) {
      throw new StrongroomError('ServiceUnavailable', `The token ${token.name} seals otherwise than those before it.`);
    }
  }
  if (seals === undefined) throw new TypeError('There is no token to bring pool keys into.');
  return seals;
}

/** Ends in each token what `stageEverywhere` has begun, and answers those in which it could not be ended yet. */
export async function settleEverywhere(
  { tokens, away }: TokensAtHand,
  proof: SealProof | undefined,
): Promise<FailedToken[]> {
  const results = await forEach(tokens, (token) => settleIncomingPoolKeys(token, proof));
  return [...away, ...results];
}

/** Locks the pool keys in each token that has any, and answers those in which they could not be locked. */
export async function lockEverywhere({ tokens, away }: TokensAtHand): Promise<FailedToken[]> {
  const lock = async (token: CeremonyToken): Promise<void> => {
    if (hasMarks((await lookAt(token)).marks)) await lockPool(token);
  };
  return [...away, ...(await forEach(tokens, lock))];
}

async function forEach(
  tokens: readonly CeremonyToken[],
  work: (token: CeremonyToken) => Promise<unknown>,
): Promise<FailedToken[]> {
  const failures: FailedToken[] = [];
  for (const token of tokens) {
    const done = await attempt(token.name, () => work(token));
    if ('error' in done) failures.push(done);
  }
  return failures;
}

async function attempt<Result>(
  name: string,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result } | FailedToken> {
  try {
    return { result: await work() };
  } catch (error) {
    return { name, error };
  }
}

/** What goes wrong with one token is told of that token. */
async function named<Result>({ name }: CeremonyToken, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StrongroomError) || error.code === 'BadParameter') throw error;
    const { code, innerCode, cause } = error;
    throw new StrongroomError(code, `Token ${name}: ${error.message}`, { innerCode, cause });
  }
}

/** Without a serial number for a token that is to be made. */
async function describe(options: CeremonyTokenOptions): Promise<{ label: string; serial: string | undefined }> {
  const { module, environment = {}, token: choice, soPin } = options;
  if (soPin !== undefined && 'label' in choice) {
    const tokens = await inspectTokens({ module, environment });
    if (tokens.every(({ label }) => label !== choice.label)) return { label: choice.label, serial: undefined };
  }
  return findToken({ module, environment }, choice);
}

function requireEvidence({ marks, seals }: ArrivalSight, { what, marks: pool = {}, sealed }: PoolEvidence): void {
  const keys = differences(pool, marks);
  if (keys.length > 0) throw notOfPool(`${what} has other pool keys than the pool (${keys.join(', ')}).`);
  const [seal] = seals;
  if (seal !== undefined && sealed !== undefined && Buffer.compare(seal, sealed.seal) !== 0) {
    throw notOfPool(`${what} has other pool keys than those under whose seals the store is.`);
  }
}

function notOfPool(message: string): StrongroomError {
  return new StrongroomError('BadParameter', message, { innerCode: 'SecurityDomainWrong' });
}

/** @throws StrongroomError `ServiceUnavailable` (`PoolKeysDiffer`) */
export function requireNoOthers(name: string, had: PoolKeyMarks, arriving: PoolKeyMarks): void {
  const keys = differences(arriving, had);
  if (keys.length > 0) throw keysDiffer(`The token ${name} has other pool keys and belongs to another pool`, keys);
}

function keysDiffer(what: string, keys: readonly string[]): StrongroomError {
  return new StrongroomError('ServiceUnavailable', `${what} (${keys.join(', ')}).`, { innerCode: 'PoolKeysDiffer' });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
