import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const SAMPLE_MS = 200;
const QUIET_SHARE = 0.05;
const LONGEST_WAIT_MS = 20_000;

/**
 * Waits, within reason, until nobody else is at work on this machine: all contenders sleep when this is called, so that what is busy is
 * not ours. Answers the share of all cores that others still took at the end.
 */
export async function waitForQuiet(): Promise<number> {
  const until = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    const share = await busyShare();
    if (share <= QUIET_SHARE || performance.now() > until) return share;
  }
}

async function busyShare(): Promise<number> {
  const before = processorTime();
  await delay(SAMPLE_MS);
  const after = processorTime();
  const total = after.total - before.total;
  return total === 0 ? 0 : 1 - (after.idle - before.idle) / total;
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal …, in ticks of all cores. */
function processorTime(): { total: number; idle: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!;
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return { total: ticks.reduce((sum, each) => sum + each, 0), idle: ticks[3]! + ticks[4]! };
}
