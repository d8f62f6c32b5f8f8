const FIRST_PROBE_MS = 1_000;
const LONGEST_PROBE_MS = 30_000;
/** Who is taken back and fails again within this time is left for longer. */
const ON_TRIAL_MS = 10_000;

/**
 * Keeps work away from what has failed, and asks it from time to time whether it answers again: after a second, and with each failure
 * after twice as long, up to half a minute.
 */
export class Breaker {
  readonly #probe: () => Promise<void>;
  readonly #onClosed: () => void;
  #reason: string | undefined;
  #delayMs = FIRST_PROBE_MS;
  #closedAt = Number.NEGATIVE_INFINITY;
  #nextProbeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #probing = false;

  /** `probe` rejects while it is not well; what it says then is the reason from there on. */
  constructor(probe: () => Promise<void>, onClosed: () => void) {
    this.#probe = probe;
    this.#onClosed = onClosed;
  }

  get isOpen(): boolean {
    return this.#reason !== undefined;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  /** In milliseconds; 0 when nothing keeps work away. */
  waitMs(now: number): number {
    return this.isOpen ? Math.max(0, this.#nextProbeAt - now) : 0;
  }

  open(reason: string): void {
    if (this.isOpen) return;
    this.#reason = reason;
    const onTrial = performance.now() - this.#closedAt < ON_TRIAL_MS;
    this.#delayMs = onTrial ? Math.min(this.#delayMs * 2, LONGEST_PROBE_MS) : FIRST_PROBE_MS;
    this.#schedule();
  }

  /** Something has changed: it is asked at once. */
  async probeNow(): Promise<void> {
    if (!this.isOpen || this.#probing) return;
    clearTimeout(this.#timer);
    this.#probing = true;
    try {
      await this.#probe();
      this.#close();
    } catch (error) {
      this.#reason = error instanceof Error ? error.message : String(error);
      this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_PROBE_MS);
      if (!this.#ended) this.#schedule();
    } finally {
      this.#probing = false;
    }
  }

  #ended = false;

  /** Nothing is asked any more. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #close(): void {
    if (this.#ended) return;
    this.#reason = undefined;
    this.#closedAt = performance.now();
    this.#onClosed();
  }

  #schedule(): void {
    this.#nextProbeAt = performance.now() + this.#delayMs;
    this.#timer = setTimeout(() => void this.probeNow(), this.#delayMs);
    this.#timer.unref();
  }
}
