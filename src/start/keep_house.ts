import type { Logger } from 'pino';
import { HouseKeepingTimer } from '../engine/house_keeping.ts';
import type { KeyEngine } from '../engine/key_engine.ts';

/** Rotates and purges what is due for as long as the server runs, and says what it has done. */
export function keepHouse(engine: KeyEngine, log: Logger): HouseKeepingTimer {
  return new HouseKeepingTimer(async (signal) => {
    try {
      const { rotated, purged, failed } = await engine.keepHouse(signal);
      for (const key of rotated) log.info({ key }, 'the key was rotated, as its policy has it');
      for (const key of purged) log.info({ key }, 'the deleted key was purged at its date');
      for (const { name: key, error } of failed) log.error({ key, err: error }, 'house-keeping failed for the key');
    } catch (error) {
      log.error({ err: error }, 'house-keeping failed');
    }
  });
}
