import { LIMITS } from '../model/limits.ts';
import {
  HOST_STATE,
  type HostStatus,
  type LaneCount,
  type NativeRing,
  nativeAddon,
  OUTCOME,
  RING_OPERATION,
} from '../pkcs11/binding.ts';
import { sharedDoorbell } from './doorbell.ts';
import type { Completion, HostToken, HsmHost, PoolKeyHandles, RingRequest } from './hsm_host.ts';
import type { LaneRange } from './lane_tuner.ts';
import type { Leaver } from './pending_requests.ts';
import { RingClient } from './ring_client.ts';

const READY_POLL_MS = 2;
const LANE_FIELDS = 3;
/** Large values are rare: what finds no block waits in the staging buffer. */
const BLOCKS_PER_LANE = 16;
const KEY_GENERATION: ReadonlySet<number> = new Set([RING_OPERATION.generateKey, RING_OPERATION.generateKeyPair]);
/** What a call is thought to take before the host has told better. */
const FIRST_GUESS_US = 100;
/** A mean over about the last 16 calls. */
const MEAN_WEIGHT = 1 / 16;
/**
 * From one look to the next a host that has nothing to do comes so much nearer to the quickest: what was slow once gets to show what it is now.
 * No nearer than that: one that is thought to take no time at all would get all the work there is.
 */
const MEAN_FORGOTTEN = 0.01;

/** How a host ended. */
export interface HostEnd {
  readonly reason: string;
  /** It was told to: nothing is wrong. */
  readonly expected: boolean;
}

/** What a host is and where it belongs. */
export interface HostPlace extends Pick<HsmHost, 'id' | 'token'> {
  readonly lanes: LaneRange;
}

export interface StuckLane {
  readonly lane: number;
  readonly requestId: number;
  readonly busyMs: number;
}

/** What hosts of both kinds share: a ring, and the account of what is in it. The subclass brings the lanes to life. */
export abstract class RingHost implements HsmHost {
  abstract readonly isolation: 'process' | 'thread';
  abstract readonly pid: number | undefined;
  readonly id: string;
  readonly token: HostToken;
  /** Lanes that there were at the last look. */
  lanes: number;
  /** Work of the pool that is with this host, from the choice of the host to the end of the try. */
  tasks = 0;
  /** In the time of `performance.now()`. */
  distrustedUntil = 0;
  /** As its profile has it. */
  failedVerification: number | undefined;
  /** Mean time inside the vendor library of late, to weigh hosts against each other. */
  meanServiceUs = FIRST_GUESS_US;
  /** At the last look, all of its lanes were in calls that take longer than others wait for. */
  slow = false;
  /** Runs whose request is being prepared for it, and since when. */
  readonly #preparing = new Map<Leaver, number>();
  /** False when the ring's memory may be swapped out. */
  readonly locked: boolean;
  protected readonly native: NativeRing;
  readonly #ring: RingClient;
  readonly #slots: number;
  readonly #laneStatus: Float64Array;
  readonly #ended: ((end: HostEnd) => void)[] = [];
  #poolKeys: PoolKeyHandles | undefined;
  #ordered: number;
  #draining = false;
  #end: HostEnd | undefined;
  #lastStatus: HostStatus | undefined;

  protected constructor({ id, token, lanes: { first, most } }: HostPlace) {
    this.id = id;
    this.token = token;
    this.lanes = first;
    this.#ordered = first;
    this.#laneStatus = new Float64Array(most * LANE_FIELDS);
    // Twice what may be in the ring: each task may have one request before its own, to bring the key there.
    this.#slots = Math.min(2 ** Math.ceil(Math.log2(most * LIMITS.operationsInRingPerLane * 2)), LIMITS.ringSlots);
    const doorbell = sharedDoorbell();
    const sizes = { lanes: most, slots: this.#slots, arenaBlocks: Math.min(BLOCKS_PER_LANE * most, LIMITS.ringBlocks) };
    this.native = new (nativeAddon().Ring)(sizes, doorbell.native);
    if (first < most) this.native.orderLanes(first);
    this.locked = this.native.locked;
    this.#ring = new RingClient(this.native, doorbell, this.#slots);
  }

  get inFlight(): number {
    return this.#ring.inFlight;
  }

  get capacity(): number {
    return this.alive ? this.#mostTasks : 0;
  }

  get room(): number {
    return this.alive && this.#ring.backlog === 0 ? Math.max(0, this.#mostTasks - this.tasks) : 0;
  }

  get #mostTasks(): number {
    return Math.min(this.lanes * LIMITS.operationsInRingPerLane, this.#slots / 2);
  }

  get alive(): boolean {
    return this.#poolKeys !== undefined && !this.#draining && this.#end === undefined;
  }

  get distrusted(): boolean {
    return this.distrustedUntil > 0 && performance.now() < this.distrustedUntil;
  }

  get end(): HostEnd | undefined {
    return this.#end;
  }

  get poolKeys(): PoolKeyHandles {
    if (this.#poolKeys === undefined) throw new TypeError('The host has not started yet');
    return this.#poolKeys;
  }

  submit(request: RingRequest, settle: (completion: Completion) => void, leaver?: Leaver): void {
    this.#ring.submit(request, settle, leaver);
  }

  /** Something has to be brought here before the run's request can be written. */
  prepares(run: Leaver): void {
    this.#preparing.set(run, performance.now());
  }

  prepared(run: Leaver): void {
    this.#preparing.delete(run);
  }

  /**
   * Has those go elsewhere who need not wait any longer for calls that take more than so many milliseconds. `usualUs` is what calls take with
   * the quickest host of late.
   */
  look(patienceMs: number, usualUs: number): void {
    const stuck = this.inFlight === 0 ? [] : this.stuckLanes(patienceMs, patienceMs);
    this.slow = stuck.length >= this.lanes;
    if (this.slow) this.#ring.leave();
    else if (stuck.length > 0) this.#ring.leave(stuck.map(({ requestId }) => requestId));
    const latest = performance.now() - patienceMs;
    for (const [run, since] of [...this.#preparing]) {
      if (since > latest || run.leave() === undefined) continue;
      this.#preparing.delete(run);
      run.start();
    }
    if (this.tasks === 0) this.meanServiceUs += (usualUs - this.meanServiceUs) * MEAN_FORGOTTEN;
  }

  /** The work that is asked of the lanes counts into the mean. */
  served(serviceTimeUs: number): void {
    this.meanServiceUs += (serviceTimeUs - this.meanServiceUs) * MEAN_WEIGHT;
  }

  /** From now on the host takes work. */
  open(poolKeys: PoolKeyHandles): void {
    this.#poolKeys = poolKeys;
  }

  /** No new work; what is there is finished. */
  drain(): void {
    this.#draining = true;
  }

  /** Calls `listener` once, when the host has come to its end and everything that was in it is settled. */
  onEnd(listener: (end: HostEnd) => void): void {
    if (this.#end === undefined) this.#ended.push(listener);
    else listener(this.#end);
  }

  /** Waits until the lanes are logged in. Answers the status it came to: ready or failed, or what it was when the time ran out. */
  async started(timeoutMs: number): Promise<HostStatus> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const status = this.#lastStatus ?? this.native.hostStatus();
      if (status.state !== HOST_STATE.starting || this.#end !== undefined || performance.now() > until) return status;
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }

  /** Lanes that have been inside one call for too long. */
  stuckLanes(stuckLaneMs: number, stuckKeyGenerationMs: number): StuckLane[] {
    const status = this.#laneStatus;
    const lanes = this.native.laneStatus(status);
    const stuck: StuckLane[] = [];
    for (let lane = 0; lane < lanes; lane++) {
      const busyMs = status[lane * LANE_FIELDS] as number;
      const operation = status[lane * LANE_FIELDS + 1] as number;
      if (busyMs > (KEY_GENERATION.has(operation) ? stuckKeyGenerationMs : stuckLaneMs)) {
        stuck.push({ lane, requestId: status[lane * LANE_FIELDS + 2] as number, busyMs });
      }
    }
    return stuck;
  }

  /** Lanes that are inside the vendor library. */
  get busyLanes(): number {
    const lanes = this.native.laneStatus(this.#laneStatus);
    let busy = 0;
    for (let lane = 0; lane < lanes; lane++) if ((this.#laneStatus[lane * LANE_FIELDS] as number) >= 0) busy++;
    return busy;
  }

  /** Looks how many lanes there are, and what they have done. */
  countLanes(): LaneCount {
    const count = this.native.laneCount();
    this.lanes = Math.max(1, count.open);
    return count;
  }

  /** From now on there are to be so many. Asked for once, for what the token refuses it refuses again. */
  orderLanes(count: number): void {
    if (count === this.#ordered) return;
    this.#ordered = count;
    this.native.orderLanes(count);
  }

  /** Answers delivered so far. */
  get delivered(): number {
    return this.#ring.delivered;
  }

  /** Ends the wait for what a stuck lane is at: nobody can tell whether it was done. */
  giveUp(requestId: number): void {
    this.#ring.giveUp(requestId, OUTCOME.unknown);
  }

  /** Memory of the host's own process, where it has one. */
  abstract residentBytes(): number | undefined;

  /** Ends the host at once, whatever it is doing. */
  abstract kill(reason: string): void;

  /** Ends the host in good order; at once when that takes longer than `graceMs`. */
  abstract stop(graceMs: number, reason: string): Promise<void>;

  /**
   * The lanes are gone, or count as gone: settles everything that was in the ring, and closes it, which also asks the lanes to end.
   * Its memory stays as long as a lane has hold of it.
   */
  protected ended(end: HostEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#lastStatus = this.native.hostStatus();
    this.#ring.abandon();
    this.#ring.close();
    for (const listener of this.#ended) listener(end);
  }
}
