import { LIMITS } from '../model/limits.ts';

/** How many lanes each host of a token may have. One number for both is fixed. */
export interface LaneRange {
  /** What a host starts with, and keeps while it is not busy. */
  readonly first: number;
  readonly most: number;
}

/** What the hosts of a token have done since they were started, all together. */
export interface LaneReading {
  /** Of any steady clock. */
  readonly atMs: number;
  /** Their ids. Readings of different hosts are not to be compared. */
  readonly hosts: readonly string[];
  /** Lanes that there are. */
  readonly open: number;
  /** Some host has fewer than were ordered, because it could not open more sessions. */
  readonly refused: boolean;
  /** Requests that lanes have taken, and how long they have waited for some, all together. */
  readonly taken: number;
  readonly idleMs: number;
  /** Lanes that are inside the vendor library just now, and requests that no lane has room for. */
  readonly busy: number;
  readonly waiting: number;
}

/**
 * - `fixed`: by the profile or the operator.
 * - `first`: no load has asked for another number yet.
 * - `searching`: other numbers are being tried.
 * - `enough`: more lanes did more, and then the load left some of them without work; others are tried as soon as it does not.
 * - `found`: no other number did more under load.
 * - `sessionLimit`: the token gives no more sessions.
 * - `idle`: those that had nothing to do have been closed.
 */
export type LaneFinding = 'fixed' | 'first' | 'searching' | 'enough' | 'found' | 'sessionLimit' | 'idle';

export interface LaneReport {
  readonly perHost: number;
  readonly found: LaneFinding;
  /** Lanes per host beyond which the token refused sessions. */
  readonly sessionLimit: number | undefined;
  /** What they did under load when the number was found, all hosts together. */
  readonly operationsPerSecond: number | undefined;
}

/** A window is as long as this, and longer where few operations would make its rate a matter of luck. */
const WINDOW_MS = 500;
const LONGEST_WINDOW_MS = 4_000;
const OPERATIONS_PER_WINDOW = 64;
/** Lanes are what is lacking as long as work waits for them, and they hardly ever for work. */
const IDLE_SHARE = 0.1;
/** Growing has to pay by so much … */
const GAIN = 1.05;
/** … and having fewer may cost so much. */
const LOSS = 0.98;
const GROWTH = 2;
const SHRINKAGE = 1 / 1.5;
/** How long a number is kept before others are tried again, twice as long each time they did no better. */
const HOLD_MS = 30_000;
const LONGEST_HOLD_MS = 5 * 60_000;
/** A rate that has changed by more than this is of another load, of which nothing is known after the first hold. */
const SAME_LOAD = 0.25;
const IDLE_MS = 60_000;
/** After so long others may have given sessions back. */
const LIMIT_REMEMBERED_MS = 5 * 60_000;

interface Trial {
  /** What it is held against. */
  readonly lanes: number;
  readonly rate: number;
  readonly up: boolean;
  /** It has had one window in which it did no better. Another decides, for a machine may be at something else for a moment. */
  readonly doubted?: boolean;
}

/**
 * Finds how many lanes a token needs, by trying: under load their number is doubled as long as that raises the operations per second, and
 * then made smaller as long as that does not lower them. So calls that are long on their way get the lanes that hide it, and a library with
 * one lock for everything ends with a single one. It knows no clock and no host: readings go in, the wanted number comes out.
 */
export class LaneTuner {
  readonly #range: LaneRange;
  #lanes: number;
  #found: LaneFinding;
  #rate: number | undefined;
  #limit: { readonly lanes: number; readonly untilMs: number } | undefined;
  #trial: Trial | undefined;
  #start: LaneReading | undefined;
  #workWaited = false;
  /** What was found under load, for when it comes back. */
  #proven: number | undefined;
  #heldUntilMs = Number.NEGATIVE_INFINITY;
  #foundMs = Number.NEGATIVE_INFINITY;
  #holdMs = HOLD_MS;
  #mostBusy = 0;
  #busySinceMs: number | undefined;

  constructor(range: LaneRange) {
    this.#range = range;
    this.#lanes = range.first;
    this.#found = this.#isFixed ? 'fixed' : 'first';
  }

  /** Lanes that each host is to have. */
  get lanes(): number {
    return this.#lanes;
  }

  get report(): LaneReport {
    return {
      perHost: this.#lanes,
      found: this.#found,
      sessionLimit: this.#limit?.lanes,
      operationsPerSecond: this.#rate,
    };
  }

  get #isFixed(): boolean {
    return this.#range.first === this.#range.most;
  }

  get #most(): number {
    return Math.min(this.#range.most, this.#limit?.lanes ?? LIMITS.lanesPerHost);
  }

  /** Takes a reading; several a second. Afterwards `lanes` says what is wanted. */
  look(reading: LaneReading): void {
    if (this.#start === undefined || reading.hosts.join() !== this.#start.hosts.join()) {
      this.#giveUpTrial();
      this.#beginWindow(reading);
    }
    if (reading.hosts.length === 0) return;
    this.#mindSessionLimit(reading);
    if (this.#isFixed) return;
    this.#closeIdle(reading);
    if (reading.open !== this.#lanes * reading.hosts.length) {
      // Lanes are still being opened or closed.
      this.#beginWindow(reading);
      return;
    }
    this.#workWaited ||= reading.waiting > 0;
    const { atMs, taken, idleMs } = this.#start ?? reading;
    const elapsedMs = reading.atMs - atMs;
    const operations = reading.taken - taken;
    if (elapsedMs < WINDOW_MS || (operations < OPERATIONS_PER_WINDOW && elapsedMs < LONGEST_WINDOW_MS)) return;
    const saturated = this.#workWaited && reading.idleMs - idleMs <= elapsedMs * reading.open * IDLE_SHARE;
    this.#beginWindow(reading);
    this.#judge(reading.atMs, (operations * 1_000) / elapsedMs, saturated);
  }

  #beginWindow(reading: LaneReading): void {
    this.#start = reading;
    this.#workWaited = false;
  }

  #judge(nowMs: number, rate: number, saturated: boolean): void {
    const trial = this.#trial;
    if (trial === undefined) {
      if (saturated && this.#mayTry(nowMs, rate)) this.#tryMore(nowMs, rate);
    } else if (!saturated && rate < trial.rate * LOSS) {
      // Fewer ask than before: that says nothing of the lanes.
      this.#giveUpTrial();
    } else if (trial.up) {
      const gained = rate >= trial.rate * GAIN;
      if (gained && saturated) this.#tryMore(nowMs, rate);
      else if (gained) this.#suffice(rate);
      else if (trial.doubted !== true) this.#trial = { ...trial, doubted: true };
      else if (saturated) this.#tryFewer(nowMs, trial.lanes, trial.rate);
      else this.#keep(nowMs, trial.lanes, trial.rate);
    } else if (saturated && rate >= trial.rate * LOSS) {
      this.#tryFewer(nowMs, this.#lanes, Math.max(rate, trial.rate));
    } else {
      this.#keep(nowMs, trial.lanes, trial.rate);
    }
  }

  #mayTry(nowMs: number, rate: number): boolean {
    if (this.#found === 'idle' || this.#found === 'enough') return true;
    if (nowMs < this.#foundMs + HOLD_MS) return false;
    const known = this.#rate ?? 0;
    return nowMs >= this.#heldUntilMs || Math.abs(rate - known) > known * SAME_LOAD;
  }

  #tryMore(nowMs: number, rate: number): void {
    const proven = this.#found === 'idle' ? this.#proven : undefined;
    const more = Math.min(this.#most, proven ?? this.#lanes * GROWTH);
    if (more > this.#lanes) this.#try(more, { lanes: this.#lanes, rate, up: true });
    else this.#tryFewer(nowMs, this.#lanes, rate);
  }

  #tryFewer(nowMs: number, lanes: number, rate: number): void {
    const fewer = Math.floor(lanes * SHRINKAGE);
    if (fewer >= 1) this.#try(fewer, { lanes, rate, up: false });
    else this.#keep(nowMs, lanes, rate);
  }

  #try(lanes: number, trial: Trial): void {
    this.#trial = trial;
    this.#found = 'searching';
    this.#lanes = lanes;
  }

  #keep(nowMs: number, lanes: number, rate: number): void {
    this.#holdMs = lanes === this.#proven ? Math.min(this.#holdMs * 2, LONGEST_HOLD_MS) : HOLD_MS;
    this.#heldUntilMs = nowMs + this.#holdMs;
    this.#foundMs = nowMs;
    this.#trial = undefined;
    this.#lanes = lanes;
    this.#proven = lanes;
    this.#rate = Math.round(rate);
    this.#found = lanes === this.#limit?.lanes ? 'sessionLimit' : 'found';
  }

  /** Whether more would do still more is not known: the load may just have ended. */
  #suffice(rate: number): void {
    this.#trial = undefined;
    this.#proven = this.#lanes;
    this.#rate = Math.round(rate);
    this.#found = 'enough';
  }

  /** It is void, and is begun anew as soon as there is load. */
  #giveUpTrial(): void {
    if (this.#trial === undefined) return;
    this.#lanes = this.#trial.lanes;
    this.#trial = undefined;
    this.#found = this.#proven === undefined ? 'first' : 'found';
  }

  #mindSessionLimit(reading: LaneReading): void {
    if (this.#limit !== undefined && reading.atMs >= this.#limit.untilMs) {
      this.#limit = undefined;
      this.#foundMs = Number.NEGATIVE_INFINITY;
      this.#heldUntilMs = Number.NEGATIVE_INFINITY;
      if (this.#found === 'sessionLimit') this.#found = this.#isFixed ? 'fixed' : 'found';
      if (this.#isFixed) this.#lanes = this.#range.first;
    }
    const each = Math.max(1, Math.floor(reading.open / reading.hosts.length));
    if (!reading.refused || each >= this.#lanes) return;
    this.#limit = { lanes: each, untilMs: reading.atMs + LIMIT_REMEMBERED_MS };
    this.#trial = undefined;
    this.#lanes = each;
    this.#found = 'sessionLimit';
    this.#foundMs = reading.atMs;
    this.#heldUntilMs = reading.atMs + HOLD_MS;
    this.#beginWindow(reading);
  }

  #closeIdle(reading: LaneReading): void {
    this.#busySinceMs ??= reading.atMs;
    this.#mostBusy = Math.max(this.#mostBusy, Math.ceil(reading.busy / reading.hosts.length));
    if (reading.atMs < this.#busySinceMs + IDLE_MS) return;
    const needed = Math.max(this.#mostBusy, this.#range.first);
    if (needed < this.#lanes && this.#trial === undefined) {
      this.#lanes = needed;
      this.#found = 'idle';
      this.#beginWindow(reading);
    }
    this.#mostBusy = 0;
    this.#busySinceMs = reading.atMs;
  }
}
