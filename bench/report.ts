import { findContender } from './contenders.ts';
import type { EntrantRounds, MeasuredSet } from './coordinator.ts';
import type { Goal } from './goals.ts';
import type { Verdict } from './judge.ts';
import { OPERATIONS } from './operations.ts';
import type { PartResult } from './results.ts';
import { median, ratioPerRound, type Spread, spread } from './statistics.ts';

/** The results as a page: the goals first, then every part that was measured. */
export function markdownReport(results: readonly PartResult[], verdicts: readonly Verdict[]): string {
  const page = ['# Results', PREFACE, '## Goals', goalTable(verdicts)];
  for (const result of results) page.push(result.section, runLine(result));
  return `${page.join('\n\n')}\n`;
}

const BUSY_SHARE = 0.1;
const PREFACE =
  'Medians over rounds, with the lowest and the highest round. How it was measured: [bench](../README.md).';

function runLine({ machine, rounds, allMechanisms, othersShare }: PartResult): string {
  const { cpu, cores, memoryGb, distribution, kernel, softhsm, node, pkcs11js, graphene, commit, date } = machine;
  const mechanisms = allMechanisms ? ' with all of its mechanisms' : '';
  const others =
    othersShare > BUSY_SHARE ? ` Others took ${Math.round(othersShare * 100)} % of the cores when it began.` : '';
  return (
    `*${date}, commit ${commit}, ${rounds} rounds: ${cpu}, ${cores} cores, ${memoryGb} GB, ${distribution}, Linux ${kernel}, ` +
    `SoftHSM ${softhsm}${mechanisms}, Node ${node}, pkcs11js ${pkcs11js}, graphene-pk11 ${graphene}.${others}*`
  );
}

export function goalTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ goal, figure, verdict }) => [
    goalTitle(goal),
    `${goal.comparison} ${goal.threshold}`,
    figure === undefined ? '–' : withRange(figure),
    verdict,
  ]);
  return table(['figure', 'goal', 'measured', ''], rows);
}

function goalTitle(goal: Goal): string {
  if (goal.figure.kind === 'measured') return goal.title;
  const { operation, inFlight } = goal.figure;
  return `${operationTitle(operation)}, ${inFlight} in flight: ${goal.title}`;
}

export function setTable(set: MeasuredSet): string {
  const reference = referenceOf(set);
  const rows = set.entrants.map((entrant) => {
    const row = [
      findContender(entrant.contender).title,
      count(median(entrant.operationsPerSecond)),
      `${significant(median(entrant.cpuUsPerOperation))} µs`,
    ];
    if (reference === undefined) return row;
    const ratios = ratioPerRound(entrant.operationsPerSecond, [reference.operationsPerSecond]);
    return [...row, withRange(spread(ratios))];
  });
  const heads = ['contender', 'operations/s', 'CPU per operation'];
  if (reference !== undefined) heads.push(`÷ ${findContender(reference.contender).title}`);
  const rounds = set.entrants[0]?.operationsPerSecond.length ?? 0;
  const disturbed =
    set.disturbedRounds === 0 ? '' : `\n\n**${set.disturbedRounds} of ${rounds} rounds were disturbed by other work.**`;
  return `### ${operationTitle(set.operation)}, ${set.inFlight} in flight\n\n${table(heads, rows)}${disturbed}`;
}

/** The raw C loop that the others of a set are compared with. */
export function referenceOf(set: MeasuredSet): EntrantRounds | undefined {
  return ['raw-2x1', 'raw-1x1']
    .map((id) => set.entrants.find(({ contender }) => contender === id))
    .find((entrant) => entrant !== undefined);
}

export function operationTitle(id: string): string {
  return OPERATIONS.find((operation) => operation.id === id)?.title ?? id;
}

export function withRange({ median: middle, low, high, rounds }: Spread): string {
  return rounds > 1
    ? `**${significant(middle)}** (${significant(low)}–${significant(high)})`
    : `**${significant(middle)}**`;
}

export const count = (value: number): string => Math.round(value).toLocaleString('en-GB');

/** Three significant digits: more would claim what the measurement does not know. */
export function significant(value: number): string {
  if (value >= 999.5) return count(value);
  const text = value.toPrecision(3);
  return text.includes('e') ? String(Number(text)) : text;
}

/** A Markdown table whose columns line up in a terminal as well. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) => Math.max(3, head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(cells[column] ?? '', width, column)).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(heads), line(rule), ...rows.map(line)].join('\n');
}

const pad = (text: string, width: number, column: number): string =>
  column === 0 ? text.padEnd(width) : text.padStart(width);
