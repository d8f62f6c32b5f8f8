import type { Concurrency } from './concurrency.ts';
import type { ContenderProcess } from './contender_process.ts';
import type { ContenderRow } from './contenders.ts';
import { type Entrant, type MeasuredSet, measureSet } from './coordinator.ts';
import type { OperationId } from './operations.ts';
import { setTable } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { startContender } from './start_contender.ts';
import { throughputChart } from './throughput_chart.ts';

/** The main table: every operation at every concurrency, with all contenders alive for the whole of it. */
export async function measureThroughput(selection: Selection, token: ScratchToken): Promise<PartOutcome> {
  const processes = new Map<string, ContenderProcess>();
  const sets: MeasuredSet[] = [];
  try {
    for (const row of selection.contenders) processes.set(row.id, await startContender(row, token));
    for (const concurrency of selection.concurrencies) {
      for (const operation of selection.operations) {
        const entrants = selection.contenders
          .filter((row) => takesPart(row, operation.id, concurrency))
          .map((row): Entrant => ({ row, process: processes.get(row.id)! }));
        if (entrants.length === 0) continue;
        const set = await measureSet(operation, concurrency, entrants, selection.rounds);
        console.log(`${setTable(set)}\n`);
        sets.push(set);
      }
    }
  } finally {
    for (const process of processes.values()) await process.close();
  }
  const charts = Object.fromEntries(
    [...new Set(sets.map((set) => set.inFlight))].map((inFlight) => [
      `throughput_${inFlight}.svg`,
      throughputChart(sets, inFlight),
    ]),
  );
  return { sets, figures: {}, rows: [], section: ['## Throughput', ...sets.map(setTable)].join('\n\n'), charts };
}

function takesPart(row: ContenderRow, operation: OperationId, concurrency: Concurrency): boolean {
  const measures = (operations: readonly OperationId[] | undefined): boolean => operations?.includes(operation) ?? true;
  return row.inFlight.includes(concurrency.inFlight) && measures(row.operations) && measures(concurrency.operations);
}
