import { LIMITS } from '../model/limits.ts';
import type { RingHost, StuckLane } from './ring_host.ts';

export interface WatchdogOptions {
  /** A process host that has grown by so much since it was first seen is replaced: vendor libraries leak. */
  readonly hostGrowthBytes?: number | undefined;
  readonly stuckLaneMs?: number | undefined;
  readonly stuckKeyGenerationMs?: number | undefined;
}

const LONGEST_INTERVAL_MS = 500;
const HOST_GROWTH_BYTES = 256 * 1024 * 1024;

/** What was last seen of a host, to tell one that stands still from one that works. */
interface Sighting {
  delivered: number;
  sinceMs: number;
}

/**
 * Looks after lanes that do not come back from the vendor library. A process host is killed, and another takes its place. A thread cannot be
 * ended: what the lane was at is given up as `unknown`, and the host goes out of service when none of its lanes is left.
 */
export class Watchdog {
  readonly #hosts: () => Iterable<RingHost>;
  readonly #stuckLaneMs: number;
  readonly #stuckKeyGenerationMs: number;
  readonly #growthBytes: number;
  readonly #onGrown: (host: RingHost, reason: string) => void;
  readonly #sightings = new WeakMap<RingHost, Sighting>();
  readonly #firstBytes = new WeakMap<RingHost, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    hosts: () => Iterable<RingHost>,
    onGrown: (host: RingHost, reason: string) => void,
    options: WatchdogOptions,
  ) {
    this.#hosts = hosts;
    this.#stuckLaneMs = options.stuckLaneMs ?? LIMITS.stuckLaneMs;
    this.#stuckKeyGenerationMs = options.stuckKeyGenerationMs ?? LIMITS.stuckKeyGenerationMs;
    this.#growthBytes = options.hostGrowthBytes ?? HOST_GROWTH_BYTES;
    this.#onGrown = onGrown;
    this.#timer = setInterval(() => this.look(), Math.min(this.#stuckLaneMs / 4, LONGEST_INTERVAL_MS));
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    for (const host of [...this.#hosts()]) {
      if (host.inFlight > 0) this.#inspect(host);
      else this.#sightings.delete(host);
      this.#weigh(host);
    }
  }

  stuckLanes(host: RingHost): StuckLane[] {
    return host.stuckLanes(this.#stuckLaneMs, this.#stuckKeyGenerationMs);
  }

  #inspect(host: RingHost): void {
    const stuck = this.stuckLanes(host);
    if (stuck.length > 0) {
      const longest = Math.round(Math.max(...stuck.map((lane) => lane.busyMs)));
      const reason = `${stuck.length} of ${host.lanes} lanes stuck in the vendor library, for up to ${longest} ms`;
      if (host.isolation === 'process' || stuck.length === host.lanes) host.kill(reason);
      else for (const lane of stuck) host.giveUp(lane.requestId);
    } else if (this.#standsStill(host)) {
      host.kill(`nothing taken from the ring for ${this.#stuckLaneMs} ms`);
    }
  }

  #weigh(host: RingHost): void {
    const bytes = host.residentBytes();
    if (bytes === undefined) return;
    const first = this.#firstBytes.get(host);
    if (first === undefined) this.#firstBytes.set(host, bytes);
    else if (host.alive && bytes - first > this.#growthBytes)
      this.#onGrown(host, `its memory grew from ${first} to ${bytes} bytes`);
  }

  /** Work is waiting, no lane is at any, and nothing comes back: the process itself does not run. */
  #standsStill(host: RingHost): boolean {
    const now = performance.now();
    const sighting = this.#sightings.get(host);
    if (sighting === undefined || sighting.delivered !== host.delivered || host.busyLanes > 0) {
      this.#sightings.set(host, { delivered: host.delivered, sinceMs: now });
      return false;
    }
    return now - sighting.sinceMs > this.#stuckLaneMs;
  }
}
