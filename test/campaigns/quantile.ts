/** The value that so large a share of all values is not above. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new TypeError('Expected values for a quantile, received none.');
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}
