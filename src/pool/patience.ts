import type { RingHost } from './ring_host.ts';

const LOOK_MS = 25;
/** Short enough that a caller who meets a slow token and is then served by another has his answer in 100 ms. */
const LEAST_MS = 50;
/** A call that takes so many times as long as the calls of the quickest host do is out of the ordinary. */
const TIMES_THE_MEAN = 10;

/**
 * Looks after operations that wait for a token while others are there: a token may be slow, or hang, long before anything is wrong with it.
 * What is pure is then done by another, and what the slow one answers in the end is dropped.
 */
export class Patience {
  readonly #timer: NodeJS.Timeout;

  constructor(hosts: () => readonly RingHost[]) {
    this.#timer = setInterval(() => lookAt(hosts()), LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function lookAt(hosts: readonly RingHost[]): void {
  if (hosts.every(({ tasks }) => tasks === 0)) {
    for (const host of hosts) host.slow = false;
    return;
  }
  const usualUs = Math.min(...hosts.map(({ meanServiceUs }) => meanServiceUs));
  const patienceMs = Math.max(LEAST_MS, (usualUs / 1_000) * TIMES_THE_MEAN);
  for (const host of hosts) host.look(patienceMs, usualUs);
}
