import { LIMITS } from '../model/limits.ts';

const WINDOW_MS = 60_000;
const COOL_DOWN_MS = 60_000;
const LONGEST_COOL_DOWN_MS = 15 * 60_000;

export interface RestartLimitOptions {
  /** Deaths of hosts within one minute that are followed by a restart. */
  readonly restartsPerMinute?: number | undefined;
  readonly coolDownMs?: number | undefined;
}

/**
 * Stops a crash loop: after so many deaths of hosts within one minute the group rests, and nothing is started. After the rest it is on trial
 * for a minute: one more death, and it rests twice as long, up to a quarter of an hour. A network HSM that was away comes back without
 * an operator, and a host that crashes at every start costs next to nothing. `reset` is the operator's way to end the rest at once.
 * Times in milliseconds of any steady clock.
 */
export class RestartLimit {
  readonly #limit: number;
  readonly #firstCoolDownMs: number;
  #coolDownMs: number;
  #deaths: number[] = [];
  #restsUntil = Number.NEGATIVE_INFINITY;
  #onTrial = false;

  constructor(options: RestartLimitOptions = {}) {
    this.#limit = options.restartsPerMinute ?? LIMITS.hostRestartsPerMinute;
    this.#firstCoolDownMs = options.coolDownMs ?? COOL_DOWN_MS;
    this.#coolDownMs = this.#firstCoolDownMs;
  }

  /** A host died, or did not come up. */
  record(nowMs: number): void {
    if (nowMs < this.#restsUntil) return;
    if (this.#onTrial && nowMs >= this.#restsUntil + WINDOW_MS) this.reset();
    this.#deaths = this.#deaths.filter((death) => death > nowMs - WINDOW_MS);
    this.#deaths.push(nowMs);
    if (this.#deaths.length > (this.#onTrial ? 0 : this.#limit)) this.#rest(nowMs);
  }

  /** Milliseconds until the next start is allowed; 0 when it is now. */
  waitMs(nowMs: number): number {
    return nowMs < this.#restsUntil ? this.#restsUntil - nowMs : 0;
  }

  reset(): void {
    this.#deaths = [];
    this.#onTrial = false;
    this.#restsUntil = Number.NEGATIVE_INFINITY;
    this.#coolDownMs = this.#firstCoolDownMs;
  }

  #rest(nowMs: number): void {
    this.#restsUntil = nowMs + this.#coolDownMs;
    this.#coolDownMs = Math.min(this.#coolDownMs * 2, LONGEST_COOL_DOWN_MS);
    this.#onTrial = true;
    this.#deaths = [];
  }
}
