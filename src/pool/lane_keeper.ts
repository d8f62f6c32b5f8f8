import type { LaneRange, LaneReading, LaneReport } from './lane_tuner.ts';
import { LaneTuner } from './lane_tuner.ts';
import type { RingHost } from './ring_host.ts';

const LOOK_MS = 250;

/** Has the hosts of one token keep as many lanes as the tuner finds right, those that take the place of dead ones from their start. */
export class LaneKeeper {
  readonly #tuner: LaneTuner;
  readonly #most: number;
  readonly #hosts: () => Iterable<RingHost>;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(range: LaneRange, hosts: () => Iterable<RingHost>) {
    this.#tuner = new LaneTuner(range);
    this.#most = range.most;
    this.#hosts = hosts;
    // A single lane is never closed.
    if (range.most === 1) return;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** What a host that is started now is to have. */
  get range(): LaneRange {
    return { first: this.#tuner.lanes, most: this.#most };
  }

  get report(): LaneReport {
    return this.#tuner.report;
  }

  look(): void {
    const hosts = [...this.#hosts()].filter((host) => host.alive);
    this.#tuner.look(readingOf(hosts));
    for (const host of hosts) host.orderLanes(this.#tuner.lanes);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function readingOf(hosts: readonly RingHost[]): LaneReading {
  let [open, taken, idleMs, busy, waiting, refused] = [0, 0, 0, 0, 0, false];
  for (const host of hosts) {
    const count = host.countLanes();
    open += count.open;
    taken += count.taken;
    idleMs += count.idleMs;
    busy += host.busyLanes;
    waiting += Math.max(0, host.inFlight - count.open);
    refused ||= count.refusal !== 0;
  }
  return { atMs: performance.now(), hosts: hosts.map(({ id }) => id), open, refused, taken, idleMs, busy, waiting };
}
