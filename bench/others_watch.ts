import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { childProcesses } from './contenders/cpu_time.ts';
import { idleTimeUs, TICK_US } from './quiet_machine.ts';

/** Of all cores: more than this makes a round worthless. */
const DISTURBING_SHARE = 0.06;

/**
 * Tells how much of the machine others took: what was neither idle nor spent by the coordinator and its contenders. It looks at nobody's
 * results, so that leaving out what it finds disturbed favours nobody.
 */
export class OthersWatch {
  readonly #contenders: readonly number[];
  #last: { readonly atUs: number; readonly idleUs: number; readonly oursUs: number };

  constructor(contenders: readonly { readonly pid: number }[]) {
    this.#contenders = contenders.map(({ pid }) => pid);
    this.#last = this.#now();
  }

  /** Whether others disturbed the time since the last look. */
  disturbed(): boolean {
    return this.share() > DISTURBING_SHARE;
  }

  /** Of all cores, since the last look. */
  share(): number {
    const last = this.#last;
    const now = this.#now();
    this.#last = now;
    const allUs = (now.atUs - last.atUs) * availableParallelism();
    return (allUs - (now.idleUs - last.idleUs) - (now.oursUs - last.oursUs)) / allUs;
  }

  #now(): { atUs: number; idleUs: number; oursUs: number } {
    let oursUs = processTimeUs(process.pid);
    for (const pid of this.#contenders) {
      oursUs += processTimeUs(pid);
      for (const child of childProcesses(pid)) oursUs += processTimeUs(child);
    }
    return { atUs: performance.now() * 1000, idleUs: idleTimeUs(), oursUs };
  }
}

const USER_TIME = 11;
const SYSTEM_TIME = 12;

/** With the threads that have ended, which the account by threads forgets; ticks are fine enough for a whole round. */
function processTimeUs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold blanks; what follows does not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * TICK_US;
}
