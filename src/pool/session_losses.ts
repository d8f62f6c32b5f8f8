import type { RingHost } from './ring_host.ts';

const WINDOW_MS = 1_000;
/** One alone is a matter of its session, however few there are. */
const LEAST_LOSSES = 2;

/**
 * Tells a token that has lost its sessions from sessions that are lost by themselves. A host that is replaced takes all of its own with it;
 * which lane has lost one is not known, so that a host that lives counts for no more than it has.
 * Times in milliseconds of any steady clock.
 */
export class SessionLosses {
  #losses: { readonly host: RingHost; readonly at: number }[] = [];

  /** A session of `host` was lost, one more. Whether more than half of those of `hosts` and of the ones they replace were within a second. */
  record(host: RingHost, hosts: readonly RingHost[], nowMs: number): boolean {
    this.#losses = this.#losses.filter(({ at }) => at > nowMs - WINDOW_MS);
    this.#losses.push({ host, at: nowMs });
    if (this.#losses.length < LEAST_LOSSES) return false;
    const lossesOf = Map.groupBy(this.#losses, (loss) => loss.host);
    let lost = 0;
    let sessions = 0;
    for (const each of new Set([...hosts, ...lossesOf.keys()])) {
      const losses = lossesOf.get(each)?.length ?? 0;
      lost += each.alive || losses === 0 ? Math.min(losses, each.lanes) : each.lanes;
      sessions += each.lanes;
    }
    return lost > sessions / 2;
  }
}
