import { availableParallelism } from 'node:os';
import type { ContenderProcess } from './contender_process.ts';
import type { ContenderRow } from './contenders.ts';
import type { OPERATIONS } from './operations.ts';
import type { Slice } from './protocol.ts';
import { waitForQuiet } from './quiet_machine.ts';

const WARM_UP_MS = 6;
/** Once per contender and set, before anything counts: compiled code, filled caches, keys in the token. */
const FIRST_RUN_MS = 250;
/** Of the cores that a raw C loop has threads for. */
const UNDISTURBED_SHARE = 0.93;

export interface Entrant {
  readonly row: ContenderRow;
  readonly process: ContenderProcess;
}

/** What one contender did in one set: per round the sum of its two slices. */
export interface EntrantRounds {
  readonly contender: string;
  readonly operationsPerSecond: readonly number[];
  readonly cpuUsPerOperation: readonly number[];
}

export interface MeasuredSet {
  readonly operation: string;
  readonly inFlight: number;
  /** Rounds that were taken again because somebody else was at work … */
  readonly repeatedRounds: number;
  /** … and those that count although somebody was, because there was no end of it. */
  readonly disturbedRounds: number;
  readonly entrants: readonly EntrantRounds[];
}

/** One round: two slices of every entrant, in the order A B C … C B A, so that a drift of the machine's speed falls on all of them alike. */
export async function takeRound<E, S>(entrants: readonly E[], takeSlice: (entrant: E) => Promise<S>): Promise<S[][]> {
  const slices = entrants.map((): S[] => []);
  const forth = entrants.map((_, index) => index);
  for (const index of [...forth, ...forth.toReversed()]) slices[index]!.push(await takeSlice(entrants[index]!));
  return slices;
}

/** Per entrant its slices of every round. Only one entrant is at work at any time; the others sleep. */
export async function alternate<E, S>(
  entrants: readonly E[],
  rounds: number,
  takeSlice: (entrant: E) => Promise<S>,
): Promise<S[][][]> {
  const taken: S[][][] = [];
  for (let round = 0; round < rounds; round++) taken.push(await takeRound(entrants, takeSlice));
  return entrants.map((_, index) => taken.map((slices) => slices[index]!));
}

/** One operation at one concurrency, in a closed loop. */
export async function measureSet(
  operation: (typeof OPERATIONS)[number],
  inFlight: number,
  entrants: readonly Entrant[],
  rounds: number,
): Promise<MeasuredSet> {
  const command = { command: 'measure', operation: operation.id, inFlight, warmUpMs: WARM_UP_MS } as const;
  await waitForQuiet();
  for (const { process } of entrants) await process.ask<Slice>({ ...command, measureMs: FIRST_RUN_MS });
  const takeSlice = ({ process }: Entrant): Promise<Slice> =>
    process.ask<Slice>({ ...command, measureMs: operation.measureMs });
  const taken: Slice[][][] = [];
  let repeatedRounds = 0;
  let disturbedRounds = 0;
  while (taken.length < rounds) {
    const round = await takeRound(entrants, takeSlice);
    const disturbed = isDisturbed(entrants, round);
    if (disturbed && repeatedRounds < rounds) {
      repeatedRounds++;
      continue;
    }
    if (disturbed) disturbedRounds++;
    taken.push(round);
  }
  return {
    operation: operation.id,
    inFlight,
    repeatedRounds,
    disturbedRounds,
    entrants: entrants.map(({ row }, index) =>
      summarise(
        row.id,
        taken.map((round) => round[index]!),
      ),
    ),
  };
}

/**
 * Somebody else was at work on this machine: a raw C loop, whose threads never wait, did not get the cores for them. Such a round says
 * nothing about anybody, and is taken again, up to as many times as there are rounds.
 */
function isDisturbed(entrants: readonly Entrant[], round: readonly (readonly Slice[])[]): boolean {
  return entrants.some(({ row }, index) => {
    if (row.program !== 'raw') return false;
    const cores = Math.min((row.processes ?? 1) * (row.threads ?? 1), availableParallelism());
    return round[index]!.some(({ cpuUs, elapsedNs }) => (cpuUs * 1000) / elapsedNs < UNDISTURBED_SHARE * cores);
  });
}

function summarise(contender: string, rounds: readonly Slice[][]): EntrantRounds {
  const sums = rounds.map((slices) => ({
    operations: sum(slices, (slice) => slice.operations),
    seconds: sum(slices, (slice) => slice.elapsedNs) / 1e9,
    cpuUs: sum(slices, (slice) => slice.cpuUs),
  }));
  return {
    contender,
    operationsPerSecond: sums.map(({ operations, seconds }) => Math.round(operations / seconds)),
    cpuUsPerOperation: sums.map(({ operations, cpuUs }) => Math.round((cpuUs / operations) * 100) / 100),
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
