import { StrongroomError } from '../model/errors.ts';
import { differences } from '../pkcs11/pool_key_marks.ts';
import type { OpenToken } from './open_token.ts';
import type { PinGuard } from './pin_guard.ts';
import { bringInEverywhere, takeOutOfOneOf } from './pool_ceremony.ts';
import { fingerprintOf, hasSealed, type PoolFingerprint } from './pool_fingerprint.ts';
import type { PoolWideOptions } from './pool_options.ts';
import { createPoolKeys, findToken } from './pool_token.ts';
import type { TokenMember } from './token_member.ts';

export interface OpeningOptions extends Pick<PoolWideOptions, 'poolKeys' | 'sealed'> {
  readonly guard: PinGuard;
}

/**
 * Opens all tokens at once that are not out of service, and answers which pool keys are the pool's.
 * @throws what keeps the first from being opened, when none can be
 */
export async function openMembers(
  all: readonly TokenMember[],
  { poolKeys, guard, sealed }: OpeningOptions,
): Promise<PoolFingerprint> {
  const members = all.filter(({ state }) => state !== 'draining');
  if (members.length === 0)
    throw new StrongroomError('ServiceUnavailable', 'Every token of the pool is out of service.');
  const failures = await openEach(members);
  const lacking = members.filter((_, at) => lacksPoolKeys(failures[at]));
  const [first] = lacking;
  // New pool keys are made only where every token is there and none has any: a token that is away may be the one that has them.
  if (poolKeys === 'create' && first !== undefined && lacking.length === all.length) await makePoolKeys(first, guard);
  if (members.every(({ token }) => token === undefined)) throw failures[0] ?? members[0]?.failure;
  const agreed = await agreeOnPoolKeys(members, sealed);
  for (const member of lacking) {
    if (member.token !== undefined || (poolKeys !== 'create' && poolKeys !== 'carry')) continue;
    await givePoolKeys(member, members, agreed, guard).catch((cause: unknown) =>
      member.refuse(notGiven(member, cause)),
    );
  }
  return agreed;
}

/**
 * Where tokens disagree, those have the keys of the pool that have sealed what it holds; where nothing tells, those that the most have, and
 * of as many those of the first. Whichever token has others is refused.
 */
async function agreeOnPoolKeys(
  members: readonly TokenMember[],
  sealed: PoolWideOptions['sealed'],
): Promise<PoolFingerprint> {
  const found: OpenMember[] = [];
  for (const member of members) {
    const { token } = member;
    if (token !== undefined) found.push({ member, token, fingerprint: await fingerprintOf(token) });
  }
  const alike = found.map(({ fingerprint }) =>
    found.filter((other) => differences(fingerprint, other.fingerprint).length === 0),
  );
  const most = Math.max(...alike.map(({ length }) => length));
  const voted = alike.find(({ length }) => length === most)?.[0]?.fingerprint;
  if (voted === undefined) throw new StrongroomError('ServiceUnavailable', 'No token of the pool is open.');
  const agreed = most === found.length ? voted : ((await fingerprintBySeal(found, sealed)) ?? voted);
  for (const { member, fingerprint } of found) {
    const refusal = refusalOf(member.name, agreed, fingerprint);
    if (refusal !== undefined) await member.refuse(refusal);
  }
  return agreed;
}

interface OpenMember {
  readonly member: TokenMember;
  readonly token: OpenToken;
  readonly fingerprint: PoolFingerprint;
}

async function fingerprintBySeal(
  found: readonly OpenMember[],
  sealed: PoolWideOptions['sealed'],
): Promise<PoolFingerprint | undefined> {
  const proof = await sealed?.();
  if (proof === undefined) return undefined;
  for (const { token, fingerprint } of found) if (await hasSealed(token, proof)) return fingerprint;
  return undefined;
}

/** @throws StrongroomError `ServiceUnavailable` (`PoolKeysDiffer`) */
export async function requirePoolKeys(token: OpenToken, agreed: PoolFingerprint): Promise<void> {
  const refusal = refusalOf(token.name, agreed, await fingerprintOf(token));
  if (refusal !== undefined) throw refusal;
}

function refusalOf(name: string, agreed: PoolFingerprint, found: PoolFingerprint): StrongroomError | undefined {
  const keys = differences(agreed, found);
  if (keys.length === 0) return undefined;
  const message = `The token ${name} has other pool keys than the pool (${keys.join(', ')}): it belongs to another pool.`;
  return new StrongroomError('ServiceUnavailable', message, { innerCode: 'PoolKeysDiffer' });
}

async function openEach(members: readonly TokenMember[]): Promise<unknown[]> {
  const results = await Promise.allSettled(members.map((member) => member.open()));
  return results.map((result) => (result.status === 'rejected' ? result.reason : undefined));
}

async function makePoolKeys(member: TokenMember, guard: PinGuard): Promise<void> {
  const { module, environment = {}, softHsmTokenDirectory, token: choice } = member.options;
  const token = await findToken({ module, environment }, choice);
  await createPoolKeys({ module, environment, token, pin: member.pin, guard, softHsmTokenDirectory });
  await member.open();
}

/**
 * Brings the pool keys of a token of the pool into one that has none, over a key that both know for this once, and opens it.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`) when none of the others gives them: then a quorum of custodians does
 */
async function givePoolKeys(
  member: TokenMember,
  members: readonly TokenMember[],
  marks: PoolFingerprint,
  guard: PinGuard,
): Promise<void> {
  const { module, environment = {}, softHsmTokenDirectory, token: choice } = member.options;
  const { label, serial } = await findToken({ module, environment }, choice);
  const { name, pin } = member;
  const receiver = { name, module, environment, label, serial, pin, guard, softHsmTokenDirectory };
  const givers = members.flatMap(({ token }) => (token === undefined ? [] : [token.ceremonyToken]));
  await bringInEverywhere([receiver], await takeOutOfOneOf(givers), { what: 'The pool', marks });
  await member.open();
}

function notGiven({ name }: TokenMember, cause: unknown): StrongroomError {
  const message = `The token ${name} has no pool keys, and got none of another token.`;
  return new StrongroomError('ServiceUnavailable', message, { innerCode: 'PoolKeysMissing', cause });
}

function lacksPoolKeys(error: unknown): boolean {
  return error instanceof StrongroomError && error.innerCode === 'PoolKeysMissing';
}
