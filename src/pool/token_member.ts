import { setTimeout as pause } from 'node:timers/promises';
import { StrongroomError } from '../model/errors.ts';
import { Breaker } from './breaker.ts';
import { isForOperator } from './host_group.ts';
import { OpenToken, type TokenSurroundings } from './open_token.ts';
import { PinSource } from './pin_source.ts';
import { nameOf, type TokenOptions } from './pool_options.ts';
import type { RingHost } from './ring_host.ts';

/**
 * - `healthy`: work goes there.
 * - `draining`: an operator is about to take it out; what is there is finished.
 * - `suspended`: it failed, or has no host; it is asked again by itself.
 * - `failed`: an operator has to act.
 */
export type TokenState = 'healthy' | 'draining' | 'suspended' | 'failed';

/** Who shares work out among tokens hears of one of them. */
export interface MemberListener {
  /** Whether it serves may have changed. */
  changed(): void;
  /** It has a host, or one more, that takes work. */
  joined(): void;
  gone(host: RingHost): void;
  /** It has no host now, and none for a while. */
  rests(): void;
}

export interface MemberSurroundings extends TokenSurroundings {
  /** Whether a token that was found belongs to the pool. Rejects when it has other pool keys, or none. */
  readonly admit: (token: OpenToken) => Promise<void>;
  /** Whether it does what it is asked. Rejects when it does not. */
  readonly probe: (token: OpenToken) => Promise<void>;
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const DRAIN_POLL_MS = 5;
/** Between two steps of one operation nothing may be in a host for a moment. */
const QUIET_POLLS = 10;
const REFUSALS: ReadonlySet<string> = new Set([
  'PoolKeysDiffer',
  'PoolKeysMissing',
  'PoolKeysAmbiguous',
  'PoolKeysUnusable',
  'PinUnavailable',
]);

/** The place of one token in a pool, whether the token is there or not. */
export class TokenMember {
  readonly name: string;
  readonly options: TokenOptions;
  readonly #surroundings: MemberSurroundings;
  readonly #pin: PinSource;
  readonly #breaker: Breaker;
  #listener: MemberListener | undefined;
  #token: OpenToken | undefined;
  /** Why it could not be opened, or does not belong to the pool. */
  #refusal: unknown;
  #refused = false;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #retryAt = 0;
  #opening: Promise<void> | undefined;
  #draining: boolean;
  #closed = false;

  constructor(options: TokenOptions, surroundings: MemberSurroundings) {
    this.name = nameOf(options);
    this.options = options;
    this.#draining = options.drained ?? false;
    this.#surroundings = surroundings;
    this.#pin = new PinSource(options.pin);
    this.#breaker = new Breaker(
      () => this.#probe(),
      () => this.#listener?.joined(),
    );
  }

  attach(listener: MemberListener): void {
    this.#listener = listener;
  }

  /** Where to log in to it beside its hosts, whether it is open or not. */
  get pin(): PinSource {
    return this.#pin;
  }

  get token(): OpenToken | undefined {
    return this.#token;
  }

  get hosts(): readonly RingHost[] {
    return this.#token?.group.hosts ?? [];
  }

  /** Work may go to its hosts. */
  get serves(): boolean {
    return this.#token !== undefined && !this.#draining && !this.#breaker.isOpen && !this.unfit;
  }

  get unfit(): boolean {
    return this.#token?.group.unfit ?? false;
  }

  get state(): TokenState {
    if (this.#draining) return 'draining';
    if (this.unfit || this.#isForOperator) return 'failed';
    return this.serves && this.hosts.some(({ alive }) => alive) ? 'healthy' : 'suspended';
  }

  /** Why it does not serve, as far as it is known. */
  get failure(): unknown {
    const group = this.#token?.group;
    if (group === undefined) return this.#refusal;
    if (group.unfitReason !== undefined) return new StrongroomError('SelfTestFailed', group.unfitReason);
    return this.#breaker.reason === undefined ? group.failure : new Error(this.#breaker.reason);
  }

  /** Milliseconds until it may serve again; infinite when an operator has to act before. */
  waitMs(now: number): number {
    if (this.#draining || this.#closed || this.unfit || this.#isForOperator) return Number.POSITIVE_INFINITY;
    if (this.#token === undefined) return Math.max(0, this.#retryAt - now);
    return Math.max(this.#token.group.waitMs(now), this.#breaker.waitMs(now));
  }

  /** @throws what keeps it from being opened; where that may pass, it is tried again by itself */
  async open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  /** It is not given work until it answers a question of ours. False when that was so before. */
  leave(reason: string): boolean {
    if (this.#breaker.isOpen) return false;
    this.#breaker.open(reason);
    this.#listener?.changed();
    return true;
  }

  /** From now on an operator has to act before it serves. */
  async refuse(reason: unknown): Promise<void> {
    const token = this.#token;
    this.#refusal = reason;
    this.#refused = true;
    this.#token = undefined;
    this.#listener?.changed();
    await token?.close(0);
  }

  /** No new work; resolves when what was there is finished, at most after `drainMs`. */
  async drain(drainMs: number): Promise<void> {
    this.#draining = true;
    clearTimeout(this.#retry);
    this.#listener?.changed();
    const until = performance.now() + drainMs;
    for (let quiet = 0; quiet < QUIET_POLLS && performance.now() < until; ) {
      quiet = this.hosts.some(({ tasks }) => tasks > 0) ? 0 : quiet + 1;
      await pause(DRAIN_POLL_MS);
    }
  }

  /** The operator has acted: it serves again, and what kept it from serving is tried anew, at once. */
  resume(): void {
    this.#draining = false;
    clearTimeout(this.#retry);
    this.#token?.group.resume();
    this.#token?.abilities.lookAgain();
    this.#listener?.changed();
    if (this.#token !== undefined) {
      void this.#breaker.probeNow();
      this.#listener?.joined();
    } else {
      this.#retryMs = FIRST_RETRY_MS;
      this.open().catch(() => undefined);
    }
  }

  async close(drainMs: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#breaker.end();
    await this.#opening?.catch(() => undefined);
    await this.#token?.close(drainMs);
    this.#pin.close();
  }

  get #isForOperator(): boolean {
    const group = this.#token?.group;
    if (group !== undefined) return group.barred && group.hosts.length === 0;
    return this.#refused || needsOperator(this.#refusal);
  }

  async #open(): Promise<void> {
    if (this.#token !== undefined) return;
    let token: OpenToken | undefined;
    try {
      token = await OpenToken.open(this.options, this.#pin, this.#surroundings);
      await this.#surroundings.admit(token);
    } catch (error) {
      await token?.close(0);
      this.#refusal = error;
      if (!needsOperator(error)) this.#tryAgain();
      this.#listener?.rests();
      throw error;
    }
    if (this.#closed) return token.close(0);
    this.#refusal = undefined;
    this.#refused = false;
    this.#token = token;
    token.group.onGone((host) => this.#listener?.gone(host));
    token.group.onRest(() => this.#listener?.rests());
    token.group.onUnfit(() => this.#listener?.changed());
    token.group.onJoined(() => this.#hostJoined());
    this.#listener?.joined();
  }

  #hostJoined(): void {
    if (this.#breaker.isOpen) void this.#breaker.probeNow();
    else this.#listener?.joined();
  }

  #tryAgain(): void {
    if (this.#closed || this.#draining) return;
    this.#retryAt = performance.now() + this.#retryMs;
    this.#retry = setTimeout(() => this.open().catch(() => undefined), this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  async #probe(): Promise<void> {
    if (this.#token !== undefined) await this.#surroundings.probe(this.#token);
  }
}

function needsOperator(error: unknown): boolean {
  if (isForOperator(error)) return true;
  return error instanceof StrongroomError && REFUSALS.has(error.innerCode ?? '');
}
