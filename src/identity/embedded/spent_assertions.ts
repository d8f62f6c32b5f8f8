import { LIMITS } from '../../model/limits.ts';
import { EntraError } from './entra_error.ts';

/** The ids of assertions that have been taken, for as long as they could be taken again. */
export class SpentAssertions {
  readonly #clock: () => number;
  /** Unix seconds until when each is remembered. */
  readonly #until = new Map<string, number>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** @throws EntraError `assertionReplayed`; `tooManyRequests` when no more can be remembered */
  spend(clientId: string, jti: string, expires: number): void {
    const now = Math.floor(this.#clock() / 1000);
    const id = `${clientId} ${jti}`;
    if ((this.#until.get(id) ?? 0) > now) {
      throw new EntraError('assertionReplayed', 'The client assertion has been used before.');
    }
    if (this.#until.size >= LIMITS.assertionsRemembered) this.#forgetEnded(now);
    if (this.#until.size >= LIMITS.assertionsRemembered) {
      throw new EntraError('tooManyRequests', 'Too many client assertions at once.');
    }
    this.#until.set(id, expires + LIMITS.clockSkewSeconds + 1);
  }

  #forgetEnded(now: number): void {
    for (const [id, until] of this.#until) {
      if (until <= now) this.#until.delete(id);
    }
  }
}
