import type { MeasuredSet } from './coordinator.ts';
import type { FigureName, Goal, GoalFigure } from './goals.ts';
import { ratioPerRound, type Spread, spread } from './statistics.ts';

export type Figures = Partial<Record<FigureName, Spread>>;

export interface Verdict {
  readonly goal: Goal;
  readonly figure: Spread | undefined;
  readonly verdict: 'met' | 'missed' | 'disturbed' | 'not measured';
}

/** A median stands as long as fewer rounds than this were spoilt by somebody else's work. */
const DISTURBED_SHARE = 0.25;

/** Holds what was measured against a goal. What this run did not cover, or could not, is said to be so and never taken as met. */
export function judge(goal: Goal, sets: readonly MeasuredSet[], figures: Figures): Verdict {
  const set = goal.figure.kind === 'throughput' ? findSet(goal.figure, sets) : undefined;
  const figure = goal.figure.kind === 'measured' ? figures[goal.figure.figure] : throughputRatio(goal.figure, set);
  if (figure === undefined || Number.isNaN(figure.median)) return { goal, figure: undefined, verdict: 'not measured' };
  if (set !== undefined && set.disturbedRounds > DISTURBED_SHARE * figure.rounds)
    return { goal, figure, verdict: 'disturbed' };
  const met = goal.comparison === '≥' ? figure.median >= goal.threshold : figure.median <= goal.threshold;
  return { goal, figure, verdict: met ? 'met' : 'missed' };
}

type ThroughputFigure = GoalFigure & { readonly kind: 'throughput' };

function findSet(figure: ThroughputFigure, sets: readonly MeasuredSet[]): MeasuredSet | undefined {
  return sets.find(({ operation, inFlight }) => operation === figure.operation && inFlight === figure.inFlight);
}

function throughputRatio(figure: ThroughputFigure, set: MeasuredSet | undefined): Spread | undefined {
  const numerator = rates(set, figure.numerator);
  const denominators = figure.denominators.map((contender) => rates(set, contender));
  if (numerator === undefined || !denominators.every((side) => side !== undefined)) return undefined;
  return spread(ratioPerRound(numerator, denominators));
}

function rates(set: MeasuredSet | undefined, contender: string): readonly number[] | undefined {
  return set?.entrants.find((entrant) => entrant.contender === contender)?.operationsPerSecond;
}
