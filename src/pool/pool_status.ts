import type { EndedHost, HostGroup } from './host_group.ts';
import type { LaneReport } from './lane_tuner.ts';
import type { TokenProfile } from './token_profile.ts';

export interface TokenDescription {
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
}

export type PoolState = 'ready' | 'degraded' | 'unavailable' | 'selfTestFailed' | 'closed';

export interface HostReport {
  readonly id: string;
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

/** For the operator. Reasons may name functions of Cryptoki: they belong into logs and not into answers to callers. */
export interface PoolStatus {
  readonly state: PoolState;
  readonly reason: string | undefined;
  readonly token: TokenDescription;
  readonly profile: TokenProfile['name'];
  readonly hosts: readonly HostReport[];
  /** How many lanes each host is to have, and how that was found. */
  readonly lanes: LaneReport;
  /** The last hosts that ended, newest first. */
  readonly ended: readonly EndedHost[];
  /** Operations that wait for a host to come up. */
  readonly waiting: number;
}

export function poolStatus(
  group: HostGroup,
  wantedHosts: number,
  closed: boolean,
  token: TokenDescription,
  profile: TokenProfile['name'],
): PoolStatus {
  const hosts = group.hosts.map((host) => ({
    id: host.id,
    isolation: host.isolation,
    pid: host.pid,
    lanes: host.lanes,
    stuckLanes: group.stuckLanes(host),
    inFlight: host.inFlight,
    meanServiceUs: Math.round(host.meanServiceUs),
    memoryLocked: host.locked,
  }));
  const working = hosts.filter((host) => host.stuckLanes < host.lanes).length;
  return {
    state: stateOf(group, working, wantedHosts, closed),
    reason: group.unfitReason ?? reasonOf(group.lastFailure),
    token,
    profile,
    hosts,
    lanes: group.lanes,
    ended: group.ends,
    waiting: group.parked,
  };
}

function stateOf(group: HostGroup, working: number, wanted: number, closed: boolean): PoolState {
  if (closed) return 'closed';
  if (group.unfit) return 'selfTestFailed';
  if (working === 0) return 'unavailable';
  return working < wanted ? 'degraded' : 'ready';
}

function reasonOf(failure: unknown): string | undefined {
  if (!(failure instanceof Error)) return undefined;
  return failure.cause instanceof Error ? `${failure.message} ${failure.cause.message}` : failure.message;
}
