import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const SAMPLE_MS = 200;
const QUIET_SHARE = 0.05;
const LONGEST_WAIT_MS = 20_000;
/** The unit of /proc/stat, USER_HZ, is 100 on all of Linux. */
export const TICK_US = 10_000;
const IDLE = 4;
const WAITING_FOR_DISK = 5;

/**
 * Waits, within reason, until nobody else is at work on this machine: all contenders sleep when this is called, so that what is busy is
 * not ours. Answers the share of all cores that others still took at the end.
 */
export async function waitForQuiet(longestWaitMs: number = LONGEST_WAIT_MS): Promise<number> {
  const until = performance.now() + longestWaitMs;
  for (;;) {
    const share = await busyShare();
    if (share <= QUIET_SHARE || performance.now() > until) return share;
  }
}

async function busyShare(): Promise<number> {
  const idleBefore = idleTimeUs();
  const before = performance.now();
  await delay(SAMPLE_MS);
  const allUs = (performance.now() - before) * 1000 * availableParallelism();
  return Math.max(0, 1 - (idleTimeUs() - idleBefore) / allUs);
}

/** Of all cores together: /proc/stat begins with `cpu user nice system idle iowait …`. */
export function idleTimeUs(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/);
  return (Number(fields[IDLE]) + Number(fields[WAITING_FOR_DISK])) * TICK_US;
}
