import { isIPv6 } from 'node:net';
import { LIMITS } from '../../model/limits.ts';
import { RecentEntries } from './recent_entries.ts';

interface Budget {
  readonly left: number;
  readonly atMs: number;
}

/**
 * How many wrong guesses an address has left: some at once, then one every few seconds, whatever is guessed. Kept in memory, by this
 * server for itself.
 */
export class AttemptBudget {
  readonly #clock: () => number;
  readonly #budgets = new RecentEntries<Budget>(LIMITS.guessingAddressesKept);

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** Takes one attempt before it is known how it ends, so that many at once are counted too. False when none is left. */
  take(address: string): boolean {
    const name = networkOf(address);
    const left = this.#left(name);
    if (left < 1) return false;
    this.#budgets.set(name, { left: left - 1, atMs: this.#clock() });
    return true;
  }

  /** The attempt was no guess. */
  giveBack(address: string): void {
    const name = networkOf(address);
    this.#budgets.set(name, { left: Math.min(LIMITS.guessesAtOnce, this.#left(name) + 1), atMs: this.#clock() });
  }

  #left(name: string): number {
    const budget = this.#budgets.get(name);
    if (budget === undefined) return LIMITS.guessesAtOnce;
    return Math.min(LIMITS.guessesAtOnce, budget.left + (this.#clock() - budget.atMs) / LIMITS.guessEveryMs);
  }
}

/** Of IPv6 the /64, which one household or machine has all of. */
function networkOf(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = (plain.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  const whole = [...groups, ...Array.from({ length: 8 - groups.length - behind.length }, () => '0'), ...behind];
  return `${whole.slice(0, 4).join(':')}::/64`;
}
