import { setTimeout as pause } from 'node:timers/promises';
import type { LogPart, LogSource } from './log_source.ts';

const LOOK_MS = 250;

/** The lines of a part, of those that follow it, and where that is wanted of all that are written from now on. */
export async function* followParts(
  source: LogSource,
  start: LogPart,
  goesOn: boolean,
): AsyncGenerator<readonly Buffer[]> {
  for (let part = start; ; ) {
    yield* part.lines();
    const { first } = part;
    const next = (await source.parts()).find((each) => each.first > first);
    if (next !== undefined) {
      // What was written between the two looks.
      yield* part.lines();
      part = next;
    } else if (goesOn) await pause(LOOK_MS);
    else return;
  }
}
