import { type Bar, type BarGroup, barChart } from './chart.ts';
import { findContender } from './contenders.ts';
import type { MeasuredSet } from './coordinator.ts';
import { count, operationTitle } from './report.ts';
import { median } from './statistics.ts';

/** Who is drawn, and in which role. */
const DRAWN: readonly (readonly [contender: string, kind: Bar['kind']])[] = [
  ['raw-2x1', 'limit'],
  ['engine-process-2', 'ours'],
  ['pkcs11js-sync', 'other'],
  ['pkcs11js-async', 'other'],
  ['pkcs11js-async-token', 'other'],
  ['graphene-async-token', 'other'],
];

export function throughputChart(sets: readonly MeasuredSet[], inFlight: number): string {
  const groups = sets.filter((set) => set.inFlight === inFlight).map(group);
  const note =
    'Medians over rounds; grey is the limit: the module called in a loop of C. Each group has its own scale.';
  return barChart(`Operations per second on one SoftHSM token, ${inFlight} in flight`, note, groups);
}

function group(set: MeasuredSet): BarGroup {
  const bars = DRAWN.flatMap(([contender, kind]): Bar[] => {
    const entrant = set.entrants.find((candidate) => candidate.contender === contender);
    if (entrant === undefined) return [];
    const value = median(entrant.operationsPerSecond);
    return [{ label: findContender(contender).title, value, text: `${count(value)}/s`, kind }];
  });
  return { title: operationTitle(set.operation), bars };
}
