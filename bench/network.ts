import { access } from 'node:fs/promises';
import type { LaneReport } from '../src/pool/lane_tuner.ts';
import { FAULT_MODULE, FaultRules } from '../test/shim/fault_module.ts';
import type { ContenderProcess } from './contender_process.ts';
import type { ContenderRow } from './contenders.ts';
import { takeRounds } from './coordinator.ts';
import { OthersWatch } from './others_watch.ts';
import type { Slice } from './protocol.ts';
import { waitForQuiet } from './quiet_machine.ts';
import { count, significant, table, withRange } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { startContender } from './start_contender.ts';
import { median, spread } from './statistics.ts';

const CALL_MS = 1;
const AT_ONCE = 16;
/** The most that a token does where each operation takes so long, and so many are under way. */
const LIMIT_PER_SECOND = (AT_ONCE / CALL_MS) * 1_000;
const MEASURE = { operation: 'hmac-sha256', inFlight: 64, warmUpMs: 25, measureMs: 100 } as const;
const FIRST_RUN_MS = 1_000;
const LONGEST_TUNING_MS = 60_000;

interface NetworkContender extends ContenderRow {
  /** For libraries that leave the number of their threads to Node. */
  readonly threadPool?: number;
}

const HERE = { objects: 'session', inFlight: [MEASURE.inFlight] } as const;
const ENGINE = 'engine-tuned';

const CONTENDERS: readonly NetworkContender[] = [
  { ...HERE, id: 'raw-1x16', title: 'raw C, 16 threads', program: 'raw', processes: 1, threads: AT_ONCE },
  { ...HERE, id: ENGINE, title: 'engine, generic profile, tuned by itself', program: 'engine', profile: 'generic' },
  { ...HERE, id: 'pkcs11js-4', title: 'pkcs11js async', program: 'pkcs11js_async' },
  { ...HERE, id: 'graphene-4', title: 'graphene', program: 'graphene_async' },
  {
    ...HERE,
    id: 'pkcs11js-16',
    title: 'pkcs11js async, UV_THREADPOOL_SIZE=16',
    program: 'pkcs11js_async',
    threadPool: AT_ONCE,
  },
  {
    ...HERE,
    id: 'graphene-16',
    title: 'graphene, UV_THREADPOOL_SIZE=16',
    program: 'graphene_async',
    threadPool: AT_ONCE,
  },
];

interface NetworkRow {
  readonly contender: string;
  readonly operationsPerSecond: readonly number[];
  readonly cpuUsPerOperation: readonly number[];
}

/** An HSM in another room: how much of what it can do arrives, and whether the engine finds by itself the lanes that this takes. */
export async function measureNetwork({ rounds }: Selection, token: ScratchToken): Promise<PartOutcome> {
  await access(FAULT_MODULE).catch(() => {
    throw new Error('The fault module is not built: scripts/build_native -Dbuild_tests=1');
  });
  const rules = new FaultRules(token.directory);
  await rules.set(`network ${CALL_MS} ${AT_ONCE} 0`);
  const environment = { ...token.environment, ...rules.environment };
  const processes: ContenderProcess[] = [];
  try {
    for (const { threadPool, ...row } of CONTENDERS) {
      const threads =
        threadPool === undefined ? environment : { ...environment, UV_THREADPOOL_SIZE: String(threadPool) };
      const away = { ...token, module: FAULT_MODULE, environment: threads };
      processes.push(await startContender(row, away));
    }
    const engine = processes[CONTENDERS.findIndex(({ id }) => id === ENGINE)]!;
    for (const process of processes) await process.ask({ command: 'measure', ...MEASURE, measureMs: FIRST_RUN_MS });
    const lanes = await tuned(engine);
    await waitForQuiet();
    const watch = new OthersWatch(processes);
    const { slices, disturbedRounds } = await takeRounds(processes, rounds, watch, (process) =>
      process.ask<Slice>({ command: 'measure', ...MEASURE }),
    );
    const rows = CONTENDERS.map(({ id }, index) => rowOf(id, slices[index]!));
    const share = ({ operationsPerSecond }: NetworkRow): number[] =>
      operationsPerSecond.map((rate) => rate / LIMIT_PER_SECOND);
    const ratio = spread(share(rows.find(({ contender }) => contender === ENGINE)!));
    const lines = rows.map((row, index) => [
      CONTENDERS[index]!.title,
      count(median(row.operationsPerSecond)),
      `${significant(median(row.cpuUsPerOperation))} µs`,
      withRange(spread(share(row))),
    ]);
    const heads = ['contender', 'operations/s', 'CPU per operation', 'of lanes ÷ latency'];
    return {
      sets: [],
      rows: [...rows, { lanes }],
      figures: { 'network/share': { ...ratio, disturbedRounds } },
      section: `## A token behind a network\n\n${said(lanes)}\n\n${table(heads, lines)}`,
    };
  } finally {
    for (const process of processes) await process.close();
  }
}

/** Keeps the engine busy until it has found its lanes. */
async function tuned(engine: ContenderProcess): Promise<LaneReport> {
  const until = performance.now() + LONGEST_TUNING_MS;
  for (;;) {
    await engine.ask({ command: 'measure', ...MEASURE, measureMs: FIRST_RUN_MS });
    const lanes = await engine.ask<LaneReport>({ command: 'lanes' });
    // As many lanes as there are callers leave nothing waiting, and so nothing to search for.
    const isEnough = lanes.found === 'enough' && lanes.perHost >= MEASURE.inFlight;
    if (lanes.found === 'found' || isEnough) return lanes;
    if (performance.now() > until) throw new Error(`The engine has found no number of lanes: ${JSON.stringify(lanes)}`);
  }
}

function rowOf(contender: string, rounds: readonly (readonly Slice[])[]): NetworkRow {
  const sums = rounds.map((slices) => ({
    operations: slices.reduce((sum, slice) => sum + slice.operations, 0),
    elapsedNs: slices.reduce((sum, slice) => sum + slice.elapsedNs, 0),
    cpuUs: slices.reduce((sum, slice) => sum + slice.cpuUs, 0),
  }));
  return {
    contender,
    operationsPerSecond: sums.map(({ operations, elapsedNs }) => Math.round(operations / (elapsedNs / 1e9))),
    cpuUsPerOperation: sums.map(({ operations, cpuUs }) => Math.round((cpuUs / operations) * 100) / 100),
  };
}

function said(lanes: LaneReport): string {
  return (
    `HMAC-SHA256 of 64 B, ${MEASURE.inFlight} in flight. Each operation takes ${CALL_MS} ms, at most ${AT_ONCE} at once: ` +
    `${count(LIMIT_PER_SECOND)}/s are the limit. The engine found ${lanes.perHost} lanes.`
  );
}
