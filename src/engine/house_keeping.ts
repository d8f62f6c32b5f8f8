import { LIMITS } from '../model/limits.ts';
import { type LifecycleParts, secondsOf } from './engine_parts.ts';
import { openIntents, settleIntent } from './lifecycle/intents.ts';
import { purgeDueKey } from './lifecycle/purge.ts';
import { rotateDueKey } from './lifecycle/rotate.ts';

/** What one round of house-keeping has done. */
export interface HouseKeepingRound {
  readonly rotated: readonly string[];
  readonly purged: readonly string[];
  /** Keys that could not be served, and that are tried again later; without a name what is not about one key. */
  readonly failed: readonly { readonly name: string | undefined; readonly error: unknown }[];
}

type Round = { -readonly [Part in keyof HouseKeepingRound]: HouseKeepingRound[Part][number][] };

interface Failure {
  readonly times: number;
  /** Unix seconds. */
  readonly retryAt: number;
}

const FIRST_PAUSE_SECONDS = 60;
const LONGEST_PAUSE_SECONDS = 6 * 60 * 60;
/** Nothing that is under way takes this long: what is older was left behind. */
const INTENT_AGE_SECONDS = 15 * 60;

/**
 * What a pool does by itself: rotates the keys whose policy says that it is time, purges deleted keys at their date, and settles what was
 * left undone in the token. Any number of servers may do it at once: the first one to change a key has done it.
 */
export class HouseKeeping {
  readonly #parts: LifecycleParts;
  #failures = new Map<string, Failure>();

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  /** One round. A key that fails does not stop the others, and is left alone for a while that grows with every failure. */
  async round(signal: AbortSignal | undefined): Promise<HouseKeepingRound> {
    const now = secondsOf(this.#parts);
    const round: Round = { rotated: [], purged: [], failed: [] };
    // Those that failed have waited longest, and must not be all that is seen.
    const due = await this.#parts.store.listDueKeys(now, LIMITS.dueKeysAtOnce + this.#failures.size);
    const before = this.#failures;
    this.#failures = new Map();
    for (const name of due) {
      const failure = before.get(name);
      if (signal?.aborted === true || (failure !== undefined && failure.retryAt > now)) this.#stillFails(name, failure);
      else await this.#serve(name, now, failure, round);
    }
    await this.#settleIntents(now, round).catch((error: unknown) => round.failed.push({ name: undefined, error }));
    return round;
  }

  async #serve(name: string, now: number, failure: Failure | undefined, round: Round): Promise<void> {
    try {
      const done = await serve(this.#parts, name, now);
      if (done !== undefined) round[done].push(name);
    } catch (error) {
      round.failed.push({ name, error });
      const times = (failure?.times ?? 0) + 1;
      const pause = Math.min(FIRST_PAUSE_SECONDS * 2 ** (times - 1), LONGEST_PAUSE_SECONDS);
      this.#failures.set(name, { times, retryAt: now + pause });
    }
  }

  #stillFails(name: string, failure: Failure | undefined): void {
    if (failure !== undefined) this.#failures.set(name, failure);
  }

  async #settleIntents(now: number, { failed }: Round): Promise<void> {
    for (const intent of await openIntents(this.#parts)) {
      if (intent.created > now - INTENT_AGE_SECONDS) continue;
      await settleIntent(this.#parts, intent).catch((error: unknown) => failed.push({ name: intent.name, error }));
    }
  }
}

/** Which of the two is due is for the record under its seal to say: the store's list is only where to look. */
async function serve(parts: LifecycleParts, name: string, now: number): Promise<'rotated' | 'purged' | undefined> {
  const found = await parts.records.find(name);
  const { deletion, rotationDue } = found?.key ?? {};
  if (deletion !== undefined) return (await purgeDueKey(parts, name)) ? 'purged' : undefined;
  if (rotationDue === undefined || rotationDue > now) return undefined;
  return (await rotateDueKey(parts, name)) ? 'rotated' : undefined;
}

/** Rounds of house-keeping, one after the other, with a rest between them. */
export class HouseKeepingTimer {
  readonly #round: (signal: AbortSignal) => Promise<void>;
  readonly #restMs: number;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> = Promise.resolve();

  /** Begins with a rest. `round` never fails. */
  constructor(round: (signal: AbortSignal) => Promise<void>, restMs: number = LIMITS.houseKeepingMs) {
    this.#round = round;
    this.#restMs = restMs;
    this.#rest();
  }

  /** Lets the key that is being served be finished. When it is fulfilled, no round is under way and none comes. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#underWay;
  }

  #rest(): void {
    if (this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#underWay = this.#round(this.#stop.signal).then(() => this.#rest());
    }, this.#restMs);
  }
}
