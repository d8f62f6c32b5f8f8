import { setTimeout as delay } from 'node:timers/promises';
import { RunningServer } from '../api/running_server.ts';
import { childrenOf } from '../fixtures/child_processes.ts';
import { campaign } from './campaign.ts';
import { megabytesBesideV8, openDescriptors, residentMegabytes, slope } from './process_watch.ts';
import { SteadyCaller } from './steady_caller.ts';

const CALLERS = 8;
/**
 * At full load, before anything is looked at, for this share of the time: caches fill, and V8 compiles what has been called often. It goes on doing so for
 * thousands of lives of keys, which at half load are most of an hour (a snapshot of its heap shows little else that is new).
 */
const WARM_UP = 1 / 12;
const FULL_LOAD_SECONDS = 5;
/** As busy as asleep is half of the load. */
const LOAD = 0.5;
/** The caller asks less where answers do not keep up with it: with less than this nothing is shown. */
const LEAST_ASKED = 0.9;
/** Of all signatures, and asked for again: what an audit log tells whose disk, on a machine that others use too, once takes more than 250 ms. */
const MOST_UNAVAILABLE = 1 / 100_000;
/** Collecting takes less than a hundredth of the time, or it would be seen in the p99. */
const SAMPLE_MS = 15_000;
const LEAST_SAMPLES = 8;
/** What is not looked at, while memory follows the load down. */
const SETTLING = 1 / 6;
/**
 * What is looked for is what is kept: what the program uses of V8's heap after a collection, and all that is resident beside that heap once the C library
 * has given back what was freed. What either of them holds for later follows the busiest moment so far: the C library's share grew by 1.2 MB in the
 * quarter of an hour after the warm-up, and by nothing in the quarter after that. Of each page V8 has a record of 4.4 KB in the memory of malloc, which is
 * 1.1 MB when its young generation doubles: so that has one size from the start.
 */
const YOUNG_MB = 16;
const FLAGS = [
  `--min-semi-space-size=${YOUNG_MB}`,
  `--max-semi-space-size=${YOUNG_MB}`,
  '--expose-gc',
  '--import',
  new URL('memory_on_signal.mjs', import.meta.url).href,
];
const COLLECTION_MS = 500;
const MOST_MB_PER_HOUR = 1;
/** SoftHSM keeps about 190 bytes of an object that is destroyed, and of a key several are made; the pool replaces a host that has grown by 256 MB. */
const MOST_HOST_BYTES_PER_LIFE = 2_000;
/** Between two looks a connection may be opened anew, and a file of the log be followed by another. */
const DESCRIPTORS_BETWEEN = 8;

/** What it has said so far of its heaps, in bytes; between that it logs. */
function heapReports({ output }: RunningServer): number[] {
  return [...output.matchAll(/^uses (\d+) bytes in \d+ heaps$/gm)].map(([, bytes]) => Number(bytes));
}

/** Not a number where it does not say it: then there is no figure, and the campaign fails. */
async function nextHeapReport(server: RunningServer, saidBefore: number): Promise<number> {
  const endMs = performance.now() + SAMPLE_MS;
  while (heapReports(server).length === saidBefore && performance.now() < endMs) await delay(COLLECTION_MS);
  return heapReports(server)[saidBefore] ?? Number.NaN;
}

type Sample = Parameters<typeof slope>[0][number];

campaign('soak', async (t, run) => {
  const server = await RunningServer.start({}, undefined, FLAGS);
  t.teardown(() => server.remove());
  const caller = await SteadyCaller.open(server, CALLERS);
  t.teardown(() => caller.close());

  const until = (endMs: number, work: (worker: number) => Promise<void>): Promise<unknown> =>
    Promise.all(
      Array.from({ length: CALLERS }, async (_, worker) => {
        while (performance.now() < endMs) await work(worker);
      }),
    );
  let lives = 0;
  const oneLife = (): Promise<void> => caller.live(`life-${lives++}`);
  await until(performance.now() + run.count * WARM_UP * 1000, (worker) => (worker === 0 ? oneLife() : caller.sign()));
  const livesBefore = lives;
  caller.takeLatenciesMs();
  await until(performance.now() + FULL_LOAD_SECONDS * 1000, () => caller.sign());
  const perSecond = (caller.takeLatenciesMs().length / FULL_LOAD_SECONDS) * LOAD;

  const started = performance.now();
  const endMs = started + run.count * 1000;
  const memory = { v8: [] as Sample[], beside: [] as Sample[], resident: [] as Sample[], hosts: [] as Sample[] };
  const descriptors: number[] = [];
  const watch = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await delay(Math.min(SAMPLE_MS, (run.count * 1000) / LEAST_SAMPLES) - COLLECTION_MS);
      const saidBefore = heapReports(server).length;
      process.kill(server.pid, 'SIGUSR2');
      await delay(COLLECTION_MS);
      const used = await nextHeapReport(server, saidBefore);
      run.done = Math.min(run.count, Math.ceil((performance.now() - started) / 1000));
      if (run.done < run.count * SETTLING) continue;
      const at = (performance.now() - started) / 3_600_000;
      memory.v8.push({ at, value: used / 1e6 });
      memory.beside.push({ at, value: megabytesBesideV8(server.pid) });
      memory.resident.push({ at, value: residentMegabytes([server.pid]) });
      memory.hosts.push({ at, value: residentMegabytes(childrenOf(server.pid)) });
      descriptors.push(openDescriptors(server.pid));
    }
  };
  const live = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await oneLife();
      await delay(200);
    }
  };
  const p99s: number[] = [];
  let signatures = 0;
  const work = async (): Promise<void> => {
    for (let part = 0; part < 4; part++) {
      signatures += await caller.keepAsking(perSecond, run.count / 4);
      p99s.push(caller.takeP99());
    }
  };
  await Promise.all([watch(), live(), work()]);

  const growth = slope(memory.v8) + slope(memory.beside);
  const livesLooked = lives - livesBefore;
  const hostBytesPerLife = (slope(memory.hosts) * 1e6) / ((livesLooked * 3_600) / run.count);
  const [first = 0, last = 0] = [descriptors.at(0), descriptors.at(-1)];
  // A short run may be over before there is enough to take a figure from.
  const measure = (name: string, value: number): void => {
    if (run.isFull || Number.isFinite(value)) run.measure(name, value);
  };
  measure('signatures a second', perSecond);
  measure('lives of keys', livesLooked);
  const end = (samples: readonly Sample[]): number => samples.at(-1)?.value ?? Number.NaN;
  measure('the server keeps at the end, MB', end(memory.v8) + end(memory.beside));
  measure('MB more an hour after the warm-up', growth);
  measure('of that in V8', slope(memory.v8));
  measure('all that is resident, with what is held for later, MB more an hour', slope(memory.resident));
  measure('memory of its hosts at the end, MB', end(memory.hosts));
  measure('bytes more for each life of a key', hostBytesPerLife);
  measure('descriptors at the end', last);
  measure('answers 503', caller.timesUnavailable);
  measure('p99 of the first quarter, ms', p99s[0] ?? Number.NaN);
  measure('p99 of the last quarter, ms', p99s[3] ?? Number.NaN);
  if (Math.abs(last - first) > DESCRIPTORS_BETWEEN) run.fail(`It had ${first} descriptors, and has ${last}`);
  if (!run.isFull) return;
  if (signatures < perSecond * run.count * LEAST_ASKED)
    run.fail(`It was asked ${signatures} times, which is less than half of its load`);
  if (caller.timesUnavailable > signatures * MOST_UNAVAILABLE)
    run.fail(`Of ${signatures} signatures and the rest, ${caller.timesUnavailable} were answered with 503`);
  // Also what could not be measured.
  if (!(growth <= MOST_MB_PER_HOUR)) run.fail(`Its memory grows by ${growth.toFixed(1)} MB an hour`);
  if (!(hostBytesPerLife <= MOST_HOST_BYTES_PER_LIFE))
    run.fail(`Its hosts grow by ${Math.round(hostBytesPerLife)} bytes with each life of a key`);
});
