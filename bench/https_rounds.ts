import type { ContenderProcess } from './contender_process.ts';
import { childProcesses, processTimeUs } from './contenders/cpu_time.ts';
import type { HttpsTarget } from './contenders/https_client.ts';
import { takeRounds } from './coordinator.ts';
import type { OthersWatch } from './others_watch.ts';
import type { Slice } from './protocol.ts';
import { waitForQuiet } from './quiet_machine.ts';
import { count, significant, table } from './report.ts';
import { startProgram } from './start_contender.ts';
import { median } from './statistics.ts';

export const CONNECTIONS = 64;
const MEASURE = { operation: 'p-256', inFlight: CONNECTIONS, warmUpMs: 25, measureMs: 100 } as const;
const FIRST_RUN_MS = 10_000;

export interface HttpsEntrant {
  readonly title: string;
  readonly load: ContenderProcess;
  readonly serverPid: number;
}

export interface HttpsRow {
  readonly title: string;
  readonly requestsPerSecond: readonly number[];
  /** Of the server with its hosts, without the load generator. */
  readonly serverCpuUsPerRequest: number;
}

/** A load generator that sends one request over and over. */
export async function startLoad(target: HttpsTarget, request: string): Promise<ContenderProcess> {
  const load = startProgram('load', 'https_load', {});
  await load.ask({ command: 'open', ...target, connections: CONNECTIONS, request });
  return load;
}

/** Rounds in which every entrant is called in turn. */
export async function measureHttpsRows(
  entrants: readonly HttpsEntrant[],
  watch: OthersWatch,
  rounds: number,
): Promise<{ rows: HttpsRow[]; disturbedRounds: number }> {
  for (const { load } of entrants) await load.ask({ command: 'measure', ...MEASURE, measureMs: FIRST_RUN_MS });
  await waitForQuiet();
  const { slices, disturbedRounds } = await takeRounds(entrants, rounds, watch, async ({ load, serverPid }) => {
    const before = serverTimeUs(serverPid);
    const slice = await load.ask<Slice>({ command: 'measure', ...MEASURE });
    // The server also worked while the loop was filled and emptied, which is why its time is set against all of the slice.
    const share = (slice.elapsedNs / 1e6 + MEASURE.warmUpMs) / (slice.elapsedNs / 1e6);
    return { ...slice, serverCpuUs: (serverTimeUs(serverPid) - before) / share };
  });
  const rows = entrants.map(({ title }, index) => {
    const sums = slices[index]!.map((both) => ({
      operations: both.reduce((sum, slice) => sum + slice.operations, 0),
      elapsedNs: both.reduce((sum, slice) => sum + slice.elapsedNs, 0),
      serverCpuUs: both.reduce((sum, slice) => sum + slice.serverCpuUs, 0),
    }));
    return {
      title,
      requestsPerSecond: sums.map(({ operations, elapsedNs }) => Math.round(operations / (elapsedNs / 1e9))),
      serverCpuUsPerRequest: median(sums.map(({ operations, serverCpuUs }) => serverCpuUs / operations)),
    };
  });
  return { rows, disturbedRounds };
}

/** Of a server with its hosts. */
export function serverTimeUs(pid: number): number {
  return [pid, ...childProcesses(pid)].reduce((sum, each) => sum + processTimeUs(each), 0);
}

export function httpsTable(rows: readonly HttpsRow[]): string {
  const lines = rows.map((row) => [
    row.title,
    `${count(median(row.requestsPerSecond))}/s`,
    `${significant(row.serverCpuUsPerRequest)} µs`,
  ]);
  return table(['handler', 'requests', 'CPU of the server per request'], lines);
}
