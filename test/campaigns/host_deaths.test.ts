import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../bench/statistics.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import { SeededRandom } from '../fixtures/seeded_random.ts';
import { campaign } from './campaign.ts';
import { type FaultyEngine, openFaultyEngine } from './faulty_engine.ts';
import { MixedTraffic } from './mixed_traffic.ts';

const STUCK_MS = 1_000;
const AT_ONCE = 8;
const LEAST_SUCCESS = 0.99;
/** What is waited for in the end, however slow the machine is. */
const LONGEST_WAIT_MS = 60_000;
/** One in six hangs; the others die, by themselves or of a signal. */
const DEATHS = [
  'C_Sign 1 abort once',
  'C_SignInit 1 segfault once',
  'C_Decrypt 1 after abort once',
  'SIGKILL',
  'C_Encrypt 1 segfault once',
] as const;
const HANG = 'C_Sign 1 hang once';

async function until(pool: HsmPool, isReached: () => boolean): Promise<void> {
  const latest = performance.now() + LONGEST_WAIT_MS;
  while (!isReached()) {
    if (performance.now() > latest) throw new Error(`It does not come back: ${JSON.stringify(pool.status())}`);
    await sleep(2);
  }
}

/** One death of a host. Answers how long it took until all hosts were there again. */
async function die({ pool, rules }: FaultyEngine, how: string): Promise<number> {
  const before = pool.status().ended[0];
  const isNew = (): boolean => {
    const last = pool.status().ended[0];
    return last !== undefined && (last.id !== before?.id || last.at !== before.at);
  };
  if (how === 'SIGKILL') {
    const pid = pool.status().hosts[0]?.pid;
    if (pid !== undefined) process.kill(pid, how);
  } else {
    await rules.set(how);
  }
  const started = performance.now();
  await until(pool, isNew);
  const died = how === HANG ? started : performance.now();
  await until(pool, () => pool.status().state === 'ready');
  return performance.now() - died;
}

campaign('host_deaths', async (t, run) => {
  const opened = await openFaultyEngine(t, { stuckLaneMs: STUCK_MS });
  const traffic = await MixedTraffic.begin(opened.engine, 0);
  let ended = false;
  const work = async (random: SeededRandom): Promise<void> => {
    while (!ended) await traffic.operate(random);
  };
  const working = Array.from({ length: AT_ONCE }, () => work(new SeededRandom(run.random.uint32())));
  const respawns: number[] = [];
  const hangs: number[] = [];
  try {
    for (; run.done < run.count; run.done++) {
      if (run.done % 6 === 5) hangs.push(await die(opened, HANG));
      else respawns.push(await die(opened, run.random.pick(DEATHS)));
    }
  } finally {
    ended = true;
    await Promise.all(working);
  }
  for (const each of traffic.wrong) run.fail(`A result was wrong: ${each}`);
  t.log([...traffic.outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', '));
  if (traffic.success < LEAST_SUCCESS)
    run.fail(`Of all operations ${traffic.success} were done, and not ${LEAST_SUCCESS}.`);
  run.measure(
    'operations',
    [...traffic.outcomes.values()].reduce((sum, count) => sum + count, 0),
  );
  run.measure('success, %', traffic.success * 100);
  run.measure('all hosts again after a death, median, ms', quantile(respawns, 0.5));
  run.measure('p99, ms', quantile(respawns, 0.99));
  if (hangs.length > 0) run.measure(`after a hang (watchdog ${STUCK_MS} ms), p99, ms`, quantile(hangs, 0.99));
});
