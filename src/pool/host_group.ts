import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { RING_OPERATION, type RingOperation } from '../pkcs11/binding.ts';
import type { Reaction, ReactionClass } from '../pkcs11/return_value.ts';
import { FaultCount } from './fault_count.ts';
import { wasRefused } from './host_starter.ts';
import { LaneKeeper } from './lane_keeper.ts';
import type { LaneRange, LaneReport } from './lane_tuner.ts';
import { RestartLimit, type RestartLimitOptions } from './restart_limit.ts';
import type { HostEnd, RingHost } from './ring_host.ts';
import { SessionLosses } from './session_losses.ts';
import { Watchdog, type WatchdogOptions } from './watchdog.ts';

const SESSION_OR_HOST: ReadonlySet<ReactionClass> = new Set<ReactionClass>(['sessionLost', 'hostLost']);
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
const ENDS_REMEMBERED = 10;
const RETIREMENT_GRACE_MS = 2_000;
const DRAIN_POLL_MS = 5;

/** These go through the one session of an instance that owns its objects: with it they are all gone. Other sessions a lane replaces by itself. */
const IN_OWNER_SESSION: ReadonlySet<RingOperation> = new Set<RingOperation>([
  RING_OPERATION.generateKey,
  RING_OPERATION.generateKeyPair,
  RING_OPERATION.create,
  RING_OPERATION.copy,
  RING_OPERATION.unwrap,
  RING_OPERATION.destroy,
  RING_OPERATION.setAttributes,
]);

export interface HostGroupOptions extends RestartLimitOptions, WatchdogOptions {
  readonly hosts: number;
  /** Of each host. */
  readonly lanes: LaneRange;
  /** Starts a host that can take work. Called for one host at a time. */
  readonly start: (lanes: LaneRange) => Promise<RingHost>;
}

export interface EndedHost extends HostEnd {
  readonly id: string;
  /** In unix milliseconds. */
  readonly at: number;
}

/** The hosts of one token: keeps their number up, and replaces what is sick or stuck. */
export class HostGroup {
  readonly #options: HostGroupOptions;
  readonly #limit: RestartLimit;
  readonly #watchdog: Watchdog;
  readonly #lanes: LaneKeeper;
  readonly #hosts: RingHost[] = [];
  readonly #faults = new FaultCount();
  readonly #wear = new FaultCount();
  readonly #sessionLosses = new SessionLosses();
  readonly #ends: EndedHost[] = [];
  readonly #goneListeners: ((host: RingHost) => void)[] = [];
  readonly #joinedListeners: (() => void)[] = [];
  readonly #restListeners: (() => void)[] = [];
  readonly #unfitListeners: (() => void)[] = [];
  #filling: Promise<void> | undefined;
  #interruptPause: (() => void) | undefined;
  #lastFailure: unknown;
  /** Why no further host is started until an operator acts. */
  #barred: StrongroomError | undefined;
  #unfitReason: string | undefined;
  /** In the time of `performance.now()`; until then all that is signed is verified. */
  #distrustedUntil = 0;
  /** Its hosts end because of the token, and not by themselves: until one starts again that is no crash loop. */
  #tokenIsAway = false;
  #closed = false;

  constructor(options: HostGroupOptions) {
    this.#options = options;
    this.#limit = new RestartLimit(options);
    this.#watchdog = new Watchdog(
      () => this.#hosts,
      (host, reason) => void this.#retire(host, reason),
      options,
    );
    this.#lanes = new LaneKeeper(options.lanes, () => this.#hosts);
  }

  get hosts(): readonly RingHost[] {
    return this.#hosts;
  }

  /** The last hosts that ended, newest first. */
  get ends(): readonly EndedHost[] {
    return this.#ends;
  }

  /** Why the last start failed, undefined when it did not. */
  get lastFailure(): unknown {
    return this.#lastFailure;
  }

  get lanes(): LaneReport {
    return this.#lanes.report;
  }

  /** Lanes of a host that do not come back from the vendor library. */
  stuckLanes(host: RingHost): number {
    return this.#watchdog.stuckLanes(host).length;
  }

  onGone(listener: (host: RingHost) => void): void {
    this.#goneListeners.push(listener);
  }

  onJoined(listener: () => void): void {
    this.#joinedListeners.push(listener);
  }

  /** Calls `listener` when there is no host, and none is started for a while, or until an operator acts. */
  onRest(listener: () => void): void {
    this.#restListeners.push(listener);
  }

  /** Calls `listener` when nothing that the token gives counts any more. */
  onUnfit(listener: () => void): void {
    this.#unfitListeners.push(listener);
  }

  /** Starts all hosts, one after the other. Fails with what keeps the first from starting; the others are tried again later. */
  async open(): Promise<void> {
    this.#admit(await this.#options.start(this.#lanes.range));
    try {
      while (this.#lacksHosts) this.#admit(await this.#options.start(this.#lanes.range));
    } catch (error) {
      this.#lastFailure = error;
      this.#fill();
    }
  }

  /** Milliseconds until a host may be started; infinite when an operator has to act before. */
  waitMs(now: number): number {
    if (this.#closed || this.#barred !== undefined) return Number.POSITIVE_INFINITY;
    return this.#limit.waitMs(now);
  }

  /** Why there is no further host, as far as it is known. */
  get failure(): unknown {
    return this.#barred ?? this.#lastFailure;
  }

  /** No host is started until an operator acts. */
  get barred(): boolean {
    return this.#barred !== undefined;
  }

  /** True when with this session more than half of the token's were lost within a second. */
  suspect(host: RingHost, operation: RingOperation, reaction: Reaction, reason: string): boolean {
    const kind = reaction.class;
    if (reaction.countsAgainstToken || SESSION_OR_HOST.has(kind)) this.#distrust(LIMITS.distrustMs);
    if (kind === 'hostLost' || (kind === 'sessionLost' && IN_OWNER_SESSION.has(operation))) host.kill(reason);
    else if (kind === 'tokenLost') this.loseAll(reason);
    else if (kind === 'fatal') this.declareUnfit(reason);
    else if (kind === 'pin') this.#shutOut(reason);
    else if (reaction.wearsOutHost) this.#countWear(host, reason);
    else if (kind === 'sessionLost' || reaction.countsAgainstToken) this.#countFault(host, reason);
    return kind === 'sessionLost' && this.#sessionLosses.record(host, this.#hosts, performance.now());
  }

  /** The token has gone, and with it every session and handle of its hosts: they are replaced. */
  loseAll(reason: string): void {
    this.#tokenIsAway = true;
    for (const each of [...this.#hosts]) each.kill(reason);
  }

  /** An instance that gives something wrong once is not asked again: what it is wrong by may lie in its memory. */
  lied(host: RingHost): void {
    this.#distrust(LIMITS.distrustAfterLieMs);
    host.kill('it gave a wrong signature');
  }

  /** Nothing that the token gives counts any more, until an operator has acted. */
  declareUnfit(reason: string): void {
    this.#unfitReason ??= reason;
    for (const listener of this.#unfitListeners) listener();
  }

  get unfit(): boolean {
    return this.#unfitReason !== undefined;
  }

  get unfitReason(): string | undefined {
    return this.#unfitReason;
  }

  /** The operator has acted: starts are allowed again at once, and what was unfit gets new instances to prove itself with. */
  resume(): void {
    this.#barred = undefined;
    if (this.unfit) for (const host of [...this.#hosts]) host.kill('an operator asked for a new start');
    this.#unfitReason = undefined;
    this.#limit.reset();
    this.#interruptPause?.();
    this.#fill();
  }

  /** Lets the hosts finish what they have, for at most `drainMs`, and ends them. */
  async close(drainMs: number, graceMs: number): Promise<void> {
    this.#closed = true;
    this.#interruptPause?.();
    await drained(this.#hosts, drainMs);
    await this.#filling;
    this.#watchdog.close();
    this.#lanes.close();
    await Promise.all([...this.#hosts].map((host) => host.stop(graceMs, 'the pool was closed')));
  }

  /** Lets the host finish what it has; another takes its place. */
  async #retire(host: RingHost, reason: string): Promise<void> {
    host.drain();
    await drained([host], LIMITS.drainTimeoutMs);
    await host.stop(RETIREMENT_GRACE_MS, reason);
  }

  #countFault(host: RingHost, reason: string): void {
    const tooMany = this.#faults.record(host, performance.now(), reason);
    if (tooMany !== undefined) host.kill(tooMany);
  }

  #countWear(host: RingHost, reason: string): void {
    const tooMany = this.#wear.record(host, performance.now(), reason);
    if (tooMany !== undefined && host.alive) void this.#retire(host, tooMany);
  }

  /** The token speaks of the PIN: whoever logs in once more may be the one who locks it. */
  #shutOut(reason: string): void {
    const message = `The token wants an operator to look after its user PIN (${reason}).`;
    this.#barred = new StrongroomError('ServiceUnavailable', message, { innerCode: 'PinUnusable' });
    this.loseAll(reason);
  }

  #admit(host: RingHost): void {
    this.#lastFailure = undefined;
    this.#tokenIsAway = false;
    this.#hosts.push(host);
    host.distrustedUntil = this.#distrustedUntil;
    host.onEnd((end) => this.#ended(host, end));
    for (const listener of this.#joinedListeners) listener();
  }

  #ended(host: RingHost, end: HostEnd): void {
    const at = this.#hosts.indexOf(host);
    if (at >= 0) this.#hosts.splice(at, 1);
    this.#ends.unshift({ ...end, id: host.id, at: Date.now() });
    this.#ends.length = Math.min(this.#ends.length, ENDS_REMEMBERED);
    for (const listener of this.#goneListeners) listener(host);
    if (this.#closed) return;
    if (!end.expected) {
      if (!this.#tokenIsAway) this.#recordDeath();
      this.#distrust(LIMITS.distrustMs);
    }
    if (this.#barred !== undefined) this.#rest();
    this.#fill();
  }

  #distrust(milliseconds: number): void {
    this.#distrustedUntil = Math.max(this.#distrustedUntil, performance.now() + milliseconds);
    for (const host of this.#hosts) host.distrustedUntil = this.#distrustedUntil;
  }

  #recordDeath(): void {
    const now = performance.now();
    this.#limit.record(now);
    const waitMs = this.#limit.waitMs(now);
    if (waitMs > 0) this.#rest();
  }

  get #lacksHosts(): boolean {
    return !this.#closed && this.#barred === undefined && this.#hosts.length < this.#options.hosts;
  }

  #fill(): void {
    if (this.#filling !== undefined) return;
    this.#filling = this.#startMissing().finally(() => {
      this.#filling = undefined;
      // One more may have ended while the last start came to its end.
      if (this.#lacksHosts) this.#fill();
    });
  }

  async #startMissing(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (this.#lacksHosts) {
      const restMs = this.#limit.waitMs(performance.now());
      if (restMs > 0) {
        await this.#pause(restMs);
        continue;
      }
      try {
        this.#admit(await this.#options.start(this.#lanes.range));
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        this.#lastFailure = error;
        if (!wasRefused(error)) this.#recordDeath();
        if (isForOperator(error)) this.#bar(error);
        else await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    }
  }

  #bar(error: StrongroomError): void {
    this.#barred = error;
    this.#rest();
  }

  #rest(): void {
    if (this.#hosts.length > 0) return;
    for (const listener of this.#restListeners) listener();
  }

  async #pause(milliseconds: number): Promise<void> {
    // A closing pool waits for this, and there would be nothing to keep the process alive until then.
    if (this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    timer.unref();
    this.#interruptPause = resolve;
    await promise;
    clearTimeout(timer);
    this.#interruptPause = undefined;
  }
}

const FOR_OPERATOR: ReadonlySet<string> = new Set(['PinRefused', 'PinLocked', 'PinUnusable', 'ModuleUnfit']);

/** What no further try can mend, and a further try of the PIN could make worse. */
export function isForOperator(error: unknown): error is StrongroomError {
  return error instanceof StrongroomError && FOR_OPERATOR.has(error.innerCode ?? '');
}

async function drained(hosts: readonly RingHost[], timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  while (hosts.some((host) => host.tasks > 0 || host.inFlight > 0) && performance.now() < until)
    await pause(DRAIN_POLL_MS);
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
