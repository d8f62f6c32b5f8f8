import { StrongroomError } from '../model/errors.ts';
import type { OpenToken } from './open_token.ts';
import type { PinGuard } from './pin_guard.ts';
import { differences, fingerprintOf, type PoolFingerprint } from './pool_fingerprint.ts';
import { carryPoolKeys } from './pool_key_ceremony.ts';
import type { PoolWideOptions } from './pool_options.ts';
import { createPoolKeys, findToken } from './pool_token.ts';
import type { TokenMember } from './token_member.ts';

/** Opens all tokens at once that are not out of service. @throws what keeps the first from being opened, when none can be */
export async function openMembers(
  all: readonly TokenMember[],
  poolKeys: PoolWideOptions['poolKeys'],
  guard: PinGuard,
): Promise<void> {
  const members = all.filter(({ state }) => state !== 'draining');
  if (members.length === 0)
    throw new StrongroomError('ServiceUnavailable', 'Every token of the pool is out of service.');
  const failures = await openEach(members);
  const lacking = members.filter((_, at) => lacksPoolKeys(failures[at]));
  if (poolKeys === 'create' && lacking.length === all.length) await makePoolKeysOfNone(lacking, guard);
  if (poolKeys === 'create' || poolKeys === 'carry') await carryToThoseWithout(members, lacking, guard);
  if (members.every(({ token }) => token === undefined)) throw failures[0] ?? members[0]?.failure;
}

/**
 * Which pool keys are the pool's: those that the most tokens have, and of as many those of the first. Whichever token has others is refused.
 */
export async function agreeOnPoolKeys(members: readonly TokenMember[]): Promise<PoolFingerprint> {
  const found: { member: TokenMember; fingerprint: PoolFingerprint }[] = [];
  for (const member of members) {
    if (member.token !== undefined) found.push({ member, fingerprint: await fingerprintOf(member.token) });
  }
  const alike = found.map(({ fingerprint }) =>
    found.filter((other) => differences(fingerprint, other.fingerprint).length === 0),
  );
  const most = Math.max(...alike.map(({ length }) => length));
  const agreed = alike.find(({ length }) => length === most)?.[0]?.fingerprint;
  if (agreed === undefined) throw new StrongroomError('ServiceUnavailable', 'No token of the pool is open.');
  for (const { member, fingerprint } of found) {
    const refusal = refusalOf(member.name, agreed, fingerprint);
    if (refusal !== undefined) await member.refuse(refusal);
  }
  return agreed;
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

/** New pool keys are made only where every token is there and none has any: a token that is away may be the one that has them. */
async function makePoolKeysOfNone([first]: readonly TokenMember[], guard: PinGuard): Promise<void> {
  if (first !== undefined) await makePoolKeys(first, guard);
}

/** Those that lack pool keys get those of one that has them. */
async function carryToThoseWithout(
  members: readonly TokenMember[],
  lacking: readonly TokenMember[],
  guard: PinGuard,
): Promise<void> {
  const givers = members.filter(({ token }) => token !== undefined);
  if (givers.length === 0) return;
  for (const member of lacking) {
    if (member.token !== undefined) continue;
    await givePoolKeys(member, givers, guard).catch((error: unknown) => member.refuse(error));
  }
}

async function makePoolKeys(member: TokenMember, guard: PinGuard): Promise<void> {
  const { module, environment = {}, softHsmTokenDirectory, token: choice } = member.options;
  const token = await findToken({ module, environment }, choice);
  await createPoolKeys({ module, environment, token, pin: member.pin, guard, softHsmTokenDirectory });
  await member.open();
}

/**
 * Brings the pool keys of a token that has them into one that has none, and opens it.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`) when none of the others gives them: then a quorum of custodians does
 */
async function givePoolKeys(member: TokenMember, givers: readonly TokenMember[], guard: PinGuard): Promise<void> {
  const { module, environment = {}, softHsmTokenDirectory, token: choice } = member.options;
  const { label, serial } = await findToken({ module, environment }, choice);
  const receiver = { module, environment, label, serial, pin: member.pin, guard, softHsmTokenDirectory };
  const tokens = givers.flatMap(({ token }) => (token === undefined ? [] : [token.ceremonyToken]));
  await carryPoolKeys(tokens, receiver);
  await member.open();
}

function lacksPoolKeys(error: unknown): boolean {
  return error instanceof StrongroomError && error.innerCode === 'PoolKeysMissing';
}
