import type { Concurrency } from './concurrency.ts';
import type { ContenderProcess } from './contender_process.ts';
import type { ContenderRow } from './contenders.ts';
import { heat } from './heat.ts';
import type { OPERATIONS } from './operations.ts';
import { OthersWatch } from './others_watch.ts';
import type { MeasureCommand, Slice } from './protocol.ts';
import { waitForQuiet } from './quiet_machine.ts';

/** As the set has it, once per contender, before anything counts. */
const SETTLING_MS = 100;
const REPEATABLE_SHARE = 0.5;
/** After a disturbed round: whoever disturbs may be about to end. */
const REPEAT_WAIT_MS = 2_000;

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
  readonly repeatedRounds: number;
  readonly disturbedRounds: number;
  readonly entrants: readonly EntrantRounds[];
}

/** Per entrant its slices of every round, and what others did to them. */
export interface Rounds<S> {
  readonly slices: readonly (readonly (readonly S[])[])[];
  /** Rounds that were taken again because somebody else was at work … */
  readonly repeatedRounds: number;
  /** … and those that count although somebody was, because there was no end of it. */
  readonly disturbedRounds: number;
}

/**
 * Takes rounds one after the other, with one entrant at work at any time while the others sleep. A round in which somebody else was at
 * work says nothing about anybody, and is taken again, up to half as many times as there are rounds.
 */
export async function takeRounds<E, S>(
  entrants: readonly E[],
  rounds: number,
  watch: OthersWatch,
  takeSlice: (entrant: E) => Promise<S>,
): Promise<Rounds<S>> {
  const taken: S[][][] = [];
  let repeatedRounds = 0;
  let disturbedRounds = 0;
  while (taken.length < rounds) {
    watch.share();
    const round = await takeRound(entrants, takeSlice);
    const disturbed = watch.disturbed();
    if (disturbed && repeatedRounds < rounds * REPEATABLE_SHARE) {
      repeatedRounds++;
      await waitForQuiet(REPEAT_WAIT_MS);
      continue;
    }
    if (disturbed) disturbedRounds++;
    taken.push(round);
  }
  const slices = entrants.map((_, index) => taken.map((round) => round[index]!));
  return { slices, repeatedRounds, disturbedRounds };
}

/** Two slices of every entrant, in the order A B C … C B A, so that a drift of the machine's speed falls on all of them alike. */
async function takeRound<E, S>(entrants: readonly E[], takeSlice: (entrant: E) => Promise<S>): Promise<S[][]> {
  const slices = entrants.map((): S[] => []);
  const forth = entrants.map((_, index) => index);
  for (const index of [...forth, ...forth.toReversed()]) slices[index]!.push(await takeSlice(entrants[index]!));
  return slices;
}

/** One operation at one concurrency, in a closed loop. */
export async function measureSet(
  operation: (typeof OPERATIONS)[number],
  { inFlight, warmUpMs, measureMs = operation.measureMs }: Concurrency,
  entrants: readonly Entrant[],
  rounds: number,
): Promise<MeasuredSet> {
  const command = { command: 'measure', operation: operation.id, inFlight, warmUpMs, measureMs } as const;
  await waitForQuiet();
  for (const entrant of entrants) await runBefore(entrant, command);
  const watch = new OthersWatch(entrants.map(({ process }) => process));
  const { slices, repeatedRounds, disturbedRounds } = await takeRounds(entrants, rounds, watch, ({ process }) =>
    process.ask<Slice>(command),
  );
  return {
    operation: operation.id,
    inFlight,
    repeatedRounds,
    disturbedRounds,
    entrants: entrants.map(({ row }, index) => summarise(row.id, slices[index]!)),
  };
}

/** C is as fast as it gets from the first call on. */
async function runBefore(
  { row, process }: Entrant,
  command: { readonly command: 'measure' } & MeasureCommand,
): Promise<void> {
  if (row.program === 'raw') return;
  await heat(process, command.operation);
  await process.ask<Slice>({ ...command, measureMs: SETTLING_MS });
}

function summarise(contender: string, rounds: readonly (readonly Slice[])[]): EntrantRounds {
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
