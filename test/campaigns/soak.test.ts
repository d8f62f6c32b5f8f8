import { setTimeout as delay } from 'node:timers/promises';
import { RunningServer } from '../api/running_server.ts';
import { campaign } from './campaign.ts';
import { openDescriptors, residentMegabytes, slope } from './process_watch.ts';
import { SteadyCaller } from './steady_caller.ts';

const CALLERS = 8;
const FULL_LOAD_SECONDS = 5;
/** As busy as asleep is half of the load. */
const LOAD = 0.5;
const SAMPLE_MS = 1_000;
/** What is not looked at: caches fill, and the runtime finds out how much memory it wants. */
const WARM_UP = 1 / 3;
const MOST_MB_PER_HOUR = 1;
/** Between two looks a connection may be opened anew, and a file of the log be followed by another. */
const DESCRIPTORS_BETWEEN = 8;

campaign('soak', async (t, run) => {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  const caller = await SteadyCaller.open(server, CALLERS);
  t.teardown(() => caller.close());

  const until = (endMs: number, work: (worker: number) => Promise<void>): Promise<unknown> =>
    Promise.all(
      Array.from({ length: CALLERS }, async (_, worker) => {
        while (performance.now() < endMs) await work(worker);
      }),
    );
  await until(performance.now() + FULL_LOAD_SECONDS * 1000, () => caller.sign());
  const perSecond = (caller.latenciesMs.length / FULL_LOAD_SECONDS) * LOAD;
  caller.takeP99();

  const started = performance.now();
  const endMs = started + run.count * 1000;
  const memory: { at: number; value: number }[] = [];
  const descriptors: number[] = [];
  let lives = 0;
  const watch = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await delay(SAMPLE_MS);
      run.done = Math.min(run.count, Math.ceil((performance.now() - started) / 1000));
      if (run.done < run.count * WARM_UP) continue;
      memory.push({ at: (performance.now() - started) / 3_600_000, value: residentMegabytes(server.pid) });
      descriptors.push(openDescriptors(server.pid));
    }
  };
  const live = async (): Promise<void> => {
    for (; performance.now() < endMs; lives++) {
      await caller.live(`life-${lives}`);
      await delay(200);
    }
  };
  const p99s: number[] = [];
  const work = async (): Promise<void> => {
    for (let part = 0; part < 4; part++) {
      await caller.keepAsking(perSecond, run.count / 4);
      p99s.push(caller.takeP99());
    }
  };
  await Promise.all([watch(), live(), work()]);

  const growth = slope(memory);
  const [first = 0, last = 0] = [descriptors.at(0), descriptors.at(-1)];
  run.measure('signatures a second', perSecond);
  run.measure('lives of keys', lives);
  run.measure('memory at the end, MB', memory.at(-1)?.value ?? Number.NaN);
  run.measure('memory after the warm-up, MB an hour', growth);
  run.measure('descriptors at the end', last);
  run.measure('p99 of the first quarter, ms', p99s[0] ?? Number.NaN);
  run.measure('p99 of the last quarter, ms', p99s[3] ?? Number.NaN);
  if (Math.abs(last - first) > DESCRIPTORS_BETWEEN) run.fail(`It had ${first} descriptors, and has ${last}`);
  if (run.isFull && growth > MOST_MB_PER_HOUR) run.fail(`Its memory grows by ${growth.toFixed(1)} MB an hour`);
});
