/** The value below which a share of the sample lies, between neighbours in proportion. An empty sample has none: NaN. */
export function quantile(sample: ArrayLike<number>, share: number): number {
  if (sample.length === 0) return Number.NaN;
  const sorted = Float64Array.from(sample).sort();
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (position - below);
}

export const median = (sample: ArrayLike<number>): number => quantile(sample, 0.5);

/** What is told of a sample: the middle, and how far single rounds strayed from it. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

export function spread(sample: ArrayLike<number>): Spread {
  return { median: median(sample), low: quantile(sample, 0), high: quantile(sample, 1), rounds: sample.length };
}

/**
 * Ratios round by round: what slowed the machine down for a second slowed both sides of a round down, and cancels out.
 * With several denominators the best of each round counts.
 */
export function ratioPerRound(numerator: readonly number[], denominators: readonly (readonly number[])[]): number[] {
  return numerator.map((value, round) => {
    const best = Math.max(...denominators.map((rates) => rates[round] ?? Number.NaN));
    return value / best;
  });
}
