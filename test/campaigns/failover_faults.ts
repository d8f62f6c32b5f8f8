import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresPair } from '../fixtures/postgres_pair.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';

/** What a fault has left behind when a primary takes changes again. */
export interface AfterFault {
  /** When that was, by performance.now(). */
  readonly writableAt: number;
  /** Has the former primary come back as a second one, where there was a promotion and it still can. */
  readonly comeBack?: () => void;
  /** The standby was promoted. */
  readonly promoted: boolean;
}

export interface Fault {
  readonly name: string;
  readonly happen: (pair: PostgresPair, random: SeededRandom) => Promise<AfterFault>;
}

/** Most are over before anything that waits has given up; of the long ones each statement has. */
const LONGEST_PAUSE_MS = 2_500;
const LONG_PAUSE_MS = 8_000;
const LONG = 0.1;

const pauseMs = (random: SeededRandom): number =>
  random.chance(LONG) ? LONG_PAUSE_MS : random.integer(50, LONGEST_PAUSE_MS);

async function promoted(pair: PostgresPair, comeBack?: () => void): Promise<AfterFault> {
  await pair.promote();
  await pair.takesChanges();
  return { writableAt: performance.now(), promoted: true, ...(comeBack !== undefined && { comeBack }) };
}

async function continued(pair: PostgresPair): Promise<AfterFault> {
  await pair.takesChanges();
  return { writableAt: performance.now(), promoted: false };
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'killed and started again',
    happen: async (pair, random) => {
      await pair.primary.kill();
      await delay(random.integer(0, LONGEST_PAUSE_MS));
      await pair.primary.start();
      return continued(pair);
    },
  },
  {
    name: 'shut down and started again',
    happen: async (pair) => {
      await pair.primary.shutDown();
      await pair.primary.start();
      return continued(pair);
    },
  },
  {
    name: 'killed, and the standby promoted',
    happen: async (pair, random) => {
      await pair.primary.kill();
      await delay(random.integer(0, LONGEST_PAUSE_MS));
      return promoted(pair);
    },
  },
  {
    name: 'stopped and continued',
    happen: async (pair, random) => {
      pair.primary.stop();
      await delay(pauseMs(random));
      pair.primary.continue();
      return continued(pair);
    },
  },
  {
    name: 'stopped, the standby promoted, and continued',
    happen: async (pair, random) => {
      const former = pair.primary;
      former.stop();
      await delay(random.integer(0, LONGEST_PAUSE_MS));
      return promoted(pair, () => former.continue());
    },
  },
  {
    name: 'cut off for a while',
    happen: async (pair, random) => {
      const proxy = pair.proxyOf(pair.primary);
      proxy.fallSilent();
      await delay(pauseMs(random));
      proxy.speak();
      return continued(pair);
    },
  },
  {
    name: 'cut off, the standby promoted, and there again',
    happen: async (pair, random) => {
      const proxy = pair.proxyOf(pair.primary);
      proxy.fallSilent();
      await delay(random.integer(0, LONGEST_PAUSE_MS));
      return promoted(pair, () => proxy.speak());
    },
  },
];
