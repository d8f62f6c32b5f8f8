import { type Bar, barChart } from './chart.ts';
import type { ContenderProcess } from './contender_process.ts';
import { findContender } from './contenders.ts';
import { takeRounds } from './coordinator.ts';
import { heat } from './heat.ts';
import type { Figures } from './judge.ts';
import { OPERATIONS } from './operations.ts';
import { OthersWatch } from './others_watch.ts';
import type { OpenLoopSlice, Slice } from './protocol.ts';
import { count, operationTitle, significant, table } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { startContender } from './start_contender.ts';
import { median, ratioPerRound, type Spread, spread } from './statistics.ts';

const ENGINE = 'engine-process-2';
const LIBRARY = 'pkcs11js-async';
const BLOCKING = 'pkcs11js-sync';
/** Its workers take arrivals by themselves, so that nothing is on the way between an arrival and the module but the machine. */
const LIMIT = 'raw-2x1';
const OFFERED_SHARE = 0.5;
const HALF = 'half of pkcs11js async’s capacity';
const OWN_HALF = 'half of its own capacity';
const CAPACITY_SLICES = 5;
const SATURATING = 64;

const SLICE = { warmUpMs: 80, measureMs: 320 };
/** A slice is ten times as long as in the table, for the sake of the 99th percentile. */
const ROUNDS_SHARE = 0.5;

const CHART_KINDS: ReadonlyMap<string, Bar['kind']> = new Map([
  [ENGINE, 'ours'],
  [LIMIT, 'limit'],
]);

/** One contender under one load. */
interface LatencyRow {
  readonly operation: OperationHere;
  readonly contender: string;
  readonly ratePerSecond: number;
  readonly load: string;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** A program in C has no event loop. */
  readonly eventLoopDelayP99Ms: Spread | undefined;
  /** Per round, for ratios. */
  readonly p99RoundsMs: readonly number[];
  readonly disturbedRounds: number;
}

interface SaturationRow {
  readonly operation: OperationHere;
  readonly contender: string;
  readonly eventLoopDelayP99Ms: Spread;
  readonly disturbedRounds: number;
}

const OPERATIONS_HERE = ['rsa-2048', 'p-256', 'aes-256-gcm'] as const;
type OperationHere = (typeof OPERATIONS_HERE)[number];

/** Latency under a load that does not wait for answers, and how long the event loop is kept from everything else. */
export async function measureLatency(selection: Selection, token: ScratchToken): Promise<PartOutcome> {
  const rounds = Math.max(3, Math.round(selection.rounds * ROUNDS_SHARE));
  const processes = new Map<string, ContenderProcess>();
  const rows: LatencyRow[] = [];
  const saturation: SaturationRow[] = [];
  try {
    for (const id of [LIMIT, ENGINE, LIBRARY, BLOCKING])
      processes.set(id, await startContender(findContender(id), token));
    for (const operation of OPERATIONS_HERE) {
      if (!selection.operations.some(({ id }) => id === operation)) continue;
      rows.push(...(await latencyRows(operation, processes, rounds)));
      saturation.push(...(await saturationRows(operation, processes, rounds)));
    }
  } finally {
    for (const process of processes.values()) await process.close();
  }
  const section = latencySection(rows, saturation);
  const charts = { 'latency.svg': latencyChart(rows) };
  return { sets: [], rows: [...rows, ...saturation], figures: figuresOf(rows, saturation), section, charts };
}

async function latencyRows(
  operation: OperationHere,
  processes: ReadonlyMap<string, ContenderProcess>,
  rounds: number,
): Promise<LatencyRow[]> {
  for (const process of processes.values()) await heat(process, operation);
  const offered = OFFERED_SHARE * (await capacity(operation, processes.get(LIBRARY)!));
  const ownOffered = OFFERED_SHARE * (await capacity(operation, processes.get(ENGINE)!));
  const entrants = [
    { contender: ENGINE, ratePerSecond: offered, load: HALF },
    { contender: LIBRARY, ratePerSecond: offered, load: HALF },
    { contender: BLOCKING, ratePerSecond: offered, load: HALF },
    { contender: LIMIT, ratePerSecond: offered, load: HALF },
    { contender: ENGINE, ratePerSecond: ownOffered, load: OWN_HALF },
  ];
  const watch = new OthersWatch([...processes.values()]);
  const { slices, disturbedRounds } = await takeRounds(entrants, rounds, watch, ({ contender, ratePerSecond }) =>
    processes.get(contender)!.ask<OpenLoopSlice>({ command: 'openLoop', operation, ratePerSecond, ...SLICE }),
  );
  return entrants.map((entrant, index) => {
    const perRound = (value: (slice: OpenLoopSlice) => number): number[] =>
      slices[index]!.map((both) => both.reduce((sum, slice) => sum + value(slice), 0) / both.length);
    const p99RoundsMs = perRound((slice) => slice.p99Ms);
    return {
      operation,
      ...entrant,
      p50Ms: spread(perRound((slice) => slice.p50Ms)),
      p99Ms: spread(p99RoundsMs),
      eventLoopDelayP99Ms:
        entrant.contender === LIMIT ? undefined : spread(perRound((slice) => slice.eventLoopDelayP99Ms ?? Number.NaN)),
      p99RoundsMs,
      disturbedRounds,
    };
  });
}

async function capacity(operation: OperationHere, process: ContenderProcess): Promise<number> {
  const { measureMs } = OPERATIONS.find(({ id }) => id === operation)!;
  const rates: number[] = [];
  for (let i = 0; i < CAPACITY_SLICES; i++) {
    const slice = await process.ask<Slice>({
      command: 'measure',
      operation,
      inFlight: SATURATING,
      warmUpMs: measureMs,
      measureMs: measureMs * 2,
    });
    rates.push(slice.operations / (slice.elapsedNs / 1e9));
  }
  return Math.round(median(rates));
}

async function saturationRows(
  operation: OperationHere,
  processes: ReadonlyMap<string, ContenderProcess>,
  rounds: number,
): Promise<SaturationRow[]> {
  const contenders = [ENGINE, LIBRARY];
  const watch = new OthersWatch([...processes.values()]);
  const { slices, disturbedRounds } = await takeRounds(contenders, rounds, watch, (contender) =>
    processes.get(contender)!.ask<Slice>({
      command: 'measure',
      operation,
      inFlight: SATURATING,
      ...SLICE,
      watchEventLoop: true,
    }),
  );
  return contenders.map((contender, index) => {
    const delays = slices[index]!.map((both) =>
      Math.max(...both.map((slice) => slice.eventLoopDelayP99Ms ?? Number.NaN)),
    );
    return { operation, contender, eventLoopDelayP99Ms: spread(delays), disturbedRounds };
  });
}

function figuresOf(rows: readonly LatencyRow[], saturation: readonly SaturationRow[]): Figures {
  const figures: Figures = {};
  for (const operation of OPERATIONS_HERE) {
    const side = (contender: string): LatencyRow | undefined =>
      rows.find((row) => row.operation === operation && row.contender === contender);
    const ours = side(ENGINE);
    const theirs = side(LIBRARY);
    if (ours === undefined || theirs === undefined) continue;
    const ratio = spread(ratioPerRound(ours.p99RoundsMs, [theirs.p99RoundsMs]));
    figures[`latency/p99-ratio/${operation}`] = { ...ratio, disturbedRounds: ours.disturbedRounds };
  }
  for (const { operation, contender, eventLoopDelayP99Ms, disturbedRounds } of saturation) {
    if (contender !== ENGINE || operation === 'rsa-2048') continue;
    figures[`event-loop/${operation}`] = { ...eventLoopDelayP99Ms, disturbedRounds };
  }
  return figures;
}

const milliseconds = (value: Spread): string => `${significant(value.median)} ms`;

function latencySection(rows: readonly LatencyRow[], saturation: readonly SaturationRow[]): string {
  const latencies = table(
    ['operation', 'load', 'contender', 'p50', 'p99', 'event-loop delay p99'],
    rows.map((row) => [
      operationTitle(row.operation),
      `${count(row.ratePerSecond)}/s, ${row.load}`,
      findContender(row.contender).title,
      milliseconds(row.p50Ms),
      milliseconds(row.p99Ms),
      row.eventLoopDelayP99Ms === undefined ? '–' : milliseconds(row.eventLoopDelayP99Ms),
    ]),
  );
  const delays = table(
    ['operation', 'contender', 'event-loop delay p99'],
    saturation.map((row) => [
      operationTitle(row.operation),
      findContender(row.contender).title,
      milliseconds(row.eventLoopDelayP99Ms),
    ]),
  );
  return `## Latency at a fixed rate of arrival\n\n${latencies}\n\n## Event-loop delay while saturated\n\n${delays}`;
}

function latencyChart(rows: readonly LatencyRow[]): string {
  const groups = OPERATIONS_HERE.map((operation) => ({
    title: operationTitle(operation),
    bars: rows
      .filter((row) => row.operation === operation && row.load !== OWN_HALF)
      .map(
        (row): Bar => ({
          label: `${findContender(row.contender).title}, ${count(row.ratePerSecond)}/s`,
          value: row.p99Ms.median,
          text: `${milliseconds(row.p99Ms)} (p50 ${milliseconds(row.p50Ms)})`,
          kind: CHART_KINDS.get(row.contender) ?? 'other',
        }),
      ),
  })).filter(({ bars }) => bars.length > 0);
  const note = `All are offered ${HALF}; latency counts from the instant at which an operation was due. Shorter is better.`;
  return barChart('99th percentile of latency at a fixed rate of arrival', note, groups);
}
