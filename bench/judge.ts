import type { MeasuredSet } from './coordinator.ts';
import type { FigureName, Goal, GoalFigure } from './goals.ts';
import { ratioPerRound, type Spread, spread } from './statistics.ts';

/** A figure of one of the parts. */
export interface Figure extends Spread {
  readonly disturbedRounds: number;
}

export type Figures = Partial<Record<FigureName, Figure>>;

export interface Verdict {
  readonly goal: Goal;
  readonly figure: Spread | undefined;
  readonly verdict: 'met' | 'missed' | 'disturbed' | 'not measured';
}

/** A median stands as long as fewer rounds than this were spoilt by somebody else's work. */
const DISTURBED_SHARE = 0.25;

/** Holds what was measured against a goal. What this run did not cover, or could not, is said to be so and never taken as met. */
export function judge(goal: Goal, sets: readonly MeasuredSet[], figures: Figures): Verdict {
  const figure = goal.figure.kind === 'measured' ? figures[goal.figure.figure] : throughputRatio(goal.figure, sets);
  if (figure === undefined || Number.isNaN(figure.median)) return { goal, figure: undefined, verdict: 'not measured' };
  if (figure.disturbedRounds > DISTURBED_SHARE * figure.rounds) return { goal, figure, verdict: 'disturbed' };
  const met = goal.comparison === '≥' ? figure.median >= goal.threshold : figure.median <= goal.threshold;
  return { goal, figure, verdict: met ? 'met' : 'missed' };
}

function throughputRatio(
  wanted: GoalFigure & { kind: 'throughput' },
  sets: readonly MeasuredSet[],
): Figure | undefined {
  const set = sets.find(({ operation, inFlight }) => operation === wanted.operation && inFlight === wanted.inFlight);
  const numerator = rates(set, wanted.numerator);
  const denominators = wanted.denominators.map((contender) => rates(set, contender));
  if (set === undefined || numerator === undefined || !denominators.every((side) => side !== undefined))
    return undefined;
  return { ...spread(ratioPerRound(numerator, denominators)), disturbedRounds: set.disturbedRounds };
}

function rates(set: MeasuredSet | undefined, contender: string): readonly number[] | undefined {
  return set?.entrants.find((entrant) => entrant.contender === contender)?.operationsPerSecond;
}
