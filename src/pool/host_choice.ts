import type { HsmTask } from './hsm_task.ts';
import type { RingHost } from './ring_host.ts';

/** What it costs to bring a key to a host that does not hold it: about one unwrapping and the way there and back. */
const BRINGING_US = 300;
/** A host whose lanes do not come back: what goes there is left there again. */
const SLOW_US = 1e8;
/**
 * What it costs to have an idle host do a short operation: its lane has to be woken, and lanes and event loop then take the cores from each
 * other. Behind others that are at work anyway it is done as soon, and for a fifth less CPU time (bench/README.md).
 */
const WAKING_US = 100;
/** An idle host has to be so many times as quick as another one to be taken before it. */
const CLEARLY = 2;
/** A host without room makes work wait in front of its lanes, where nobody shares it out. */
const FULL_US = 1e9;
const SAME_TOKEN_US = 1e11;
const EXCLUDED_US = 1e12;

/**
 * The host where a task is done soonest, undefined when there is none. `excluded` failed the task before: it is taken only where there is
 * no other, and another host of its token only where there is no other token.
 */
export function chooseHost(
  hosts: readonly RingHost[],
  task: HsmTask,
  excluded: RingHost | undefined,
): RingHost | undefined {
  if (hosts.length === 1) {
    const only = hosts[0] as RingHost;
    return only.alive && suits(task, only) ? only : undefined;
  }
  let best: RingHost | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const host of hosts) {
    if (!host.alive || !suits(task, host)) continue;
    // With the task itself: an idle host that is slow is not sooner done than a busy one that is quick.
    let cost = ((host.tasks + 1) * host.meanServiceUs) / host.lanes;
    if (host.tasks === 0) cost += wakingUs(host);
    if (!task.prefers(host)) cost += BRINGING_US;
    if (excluded !== undefined) cost += exclusion(host, excluded);
    if (host.slow) cost += SLOW_US;
    if (host.room === 0) cost += FULL_US;
    if (cost * (isSettledOn(best, host, task) ? CLEARLY : 1) < least) {
      least = cost;
      best = host;
    }
  }
  return best;
}

/** Both idle, and the one that was found before has the key: it stays the one that is awake. */
function isSettledOn(best: RingHost | undefined, host: RingHost, task: HsmTask): boolean {
  return host.tasks === 0 && best !== undefined && best.tasks === 0 && task.prefers(best);
}

/** The longer the operations, the less the waking matters. */
function wakingUs({ meanServiceUs }: RingHost): number {
  return Math.max(0, WAKING_US - 2 * meanServiceUs);
}

function suits(task: HsmTask, host: RingHost): boolean {
  return task.suits === undefined || task.suits(host.token);
}

function exclusion(host: RingHost, excluded: RingHost): number {
  if (host === excluded) return EXCLUDED_US;
  return host.token === excluded.token ? SAME_TOKEN_US : 0;
}
