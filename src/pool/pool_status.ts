import { StrongroomError } from '../model/errors.ts';
import type { EndedHost } from './host_group.ts';
import type { TokenDescription } from './hsm_host.ts';
import type { LaneReport } from './lane_tuner.ts';
import type { RingHost } from './ring_host.ts';
import type { TokenMember, TokenState } from './token_member.ts';
import type { TokenProfile } from './token_profile.ts';
import type { TokenSet } from './token_set.ts';

export type PoolState = 'ready' | 'degraded' | 'unavailable' | 'selfTestFailed' | 'closed';

export interface HostReport {
  readonly id: string;
  /** The name of its token. */
  readonly token: string;
  readonly isolation: 'process' | 'thread';
  /** Its own process, with `isolation: 'process'`. */
  readonly pid: number | undefined;
  readonly lanes: number;
  /** Lanes that have been inside one call of the vendor library for too long. */
  readonly stuckLanes: number;
  readonly inFlight: number;
  readonly meanServiceUs: number;
  /** False when the ring's memory may be swapped out: RLIMIT_MEMLOCK is too small. */
  readonly memoryLocked: boolean;
}

export interface TokenReport {
  readonly name: string;
  readonly state: TokenState;
  /** Why it does not serve, or has fewer hosts than it should. */
  readonly reason: string | undefined;
  /** The same in one word, without anything of the machine: an inner code, `SelfTestFailed`, or `TokenUnwell` for what the token said. */
  readonly reasonCode: string | undefined;
  /** As it describes itself; absent until it has been found. */
  readonly description: TokenDescription | undefined;
  readonly profile: TokenProfile['name'] | undefined;
  readonly hosts: number;
  /** How many lanes each of its hosts is to have, and how that was found. */
  readonly lanes: LaneReport | undefined;
  readonly inFlight: number;
}

/** For the operator. Reasons may name functions of Cryptoki: they belong into logs and not into answers to callers. */
export interface PoolStatus {
  readonly state: PoolState;
  readonly reason: string | undefined;
  readonly tokens: readonly TokenReport[];
  /** Of all tokens that are open. */
  readonly hosts: readonly HostReport[];
  /** The last hosts that ended, newest first. */
  readonly ended: readonly EndedHost[];
  /** Operations that wait for a host to come up. */
  readonly waiting: number;
}

export function poolStatus(tokens: TokenSet, closed: boolean): PoolStatus {
  const { members } = tokens;
  return {
    state: closed ? 'closed' : stateOf(members, tokens.unfit),
    reason: members.map(({ failure }) => reasonOf(failure)).find((reason) => reason !== undefined),
    tokens: members.map(reportOf),
    hosts: members.flatMap((member) => member.hosts.map((host) => hostReport(member, host))),
    ended: members.flatMap(({ token }) => token?.group.ends ?? []).sort((one, other) => other.at - one.at),
    waiting: tokens.parked,
  };
}

function reportOf(member: TokenMember): TokenReport {
  const { name, state, failure, token, hosts } = member;
  return {
    name,
    state,
    reason: reasonOf(failure),
    reasonCode: reasonCodeOf(failure),
    description: token?.description,
    profile: token?.profile.name,
    hosts: hosts.length,
    lanes: token?.group.lanes,
    inFlight: hosts.reduce((sum, { inFlight }) => sum + inFlight, 0),
  };
}

function hostReport(member: TokenMember, host: RingHost): HostReport {
  return {
    id: host.id,
    token: member.name,
    isolation: host.isolation,
    pid: host.pid,
    lanes: host.lanes,
    stuckLanes: member.token?.group.stuckLanes(host) ?? 0,
    inFlight: host.inFlight,
    meanServiceUs: Math.round(host.meanServiceUs),
    memoryLocked: host.locked,
  };
}

/** A token that an operator drains is not missed. */
function stateOf(members: readonly TokenMember[], unfit: boolean): PoolState {
  if (unfit) return 'selfTestFailed';
  const working = members.filter((member) => member.serves && workingHosts(member) > 0);
  if (working.length === 0) return 'unavailable';
  const complete = members.every(
    (member) => member.state === 'draining' || workingHosts(member) === member.token?.profile.hosts,
  );
  return complete && members.every(({ state }) => state === 'healthy' || state === 'draining') ? 'ready' : 'degraded';
}

function workingHosts({ hosts, token }: TokenMember): number {
  return hosts.filter((host) => (token?.group.stuckLanes(host) ?? 0) < host.lanes).length;
}

function reasonOf(failure: unknown): string | undefined {
  if (!(failure instanceof Error)) return undefined;
  return failure.cause instanceof Error ? `${failure.message} ${failure.cause.message}` : failure.message;
}

function reasonCodeOf(failure: unknown): string | undefined {
  if (failure === undefined) return undefined;
  return failure instanceof StrongroomError ? (failure.innerCode ?? failure.code) : 'TokenUnwell';
}
