import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContenderProcess } from './contender_process.ts';
import { childProcesses, processTimeUs } from './contenders/cpu_time.ts';
import type { HttpsTarget } from './contenders/https_client.ts';
import type { ServerReply } from './contenders/strongroom_server.ts';
import { takeRounds } from './coordinator.ts';
import { OthersWatch } from './others_watch.ts';
import type { Slice } from './protocol.ts';
import { waitForQuiet } from './quiet_machine.ts';
import { count, significant, table, withRange } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { freePort, ServerClient } from './server_client.ts';
import { startProgram } from './start_contender.ts';
import { median, ratioPerRound, type Spread, spread } from './statistics.ts';

const CONNECTIONS = 64;
const MEASURE = { operation: 'p-256', inFlight: CONNECTIONS, warmUpMs: 25, measureMs: 100 } as const;
const FIRST_RUN_MS = 1_500;

interface HttpsRow {
  readonly title: string;
  readonly requestsPerSecond: readonly number[];
  /** Of the server with its hosts, without the load generator. */
  readonly serverCpuUsPerRequest: number;
}

/** Signing over HTTPS next to a handler that does nothing, in one server process, with the load from a process of its own. */
export async function measureHttps(selection: Selection, token: ScratchToken): Promise<PartOutcome> {
  const dataDir = join(token.directory, 'https');
  await mkdir(dataDir, { mode: 0o700 });
  const port = await freePort();
  const server = startProgram('server', 'strongroom_server', {});
  const { nullPort } = await server.ask<ServerReply>({ command: 'open', dataDir, port });
  try {
    const client = await ServerClient.open(dataDir, port);
    const body = { alg: 'ES256', value: Buffer.alloc(32, 1).toString('base64url') };
    const created = await client.ask(client.post('/keys/bench/create', { kty: 'EC-HSM', crv: 'P-256' }));
    const { kid } = created.key as { kid: string };
    const sign = await startLoad(client.target, client.post(`${new URL(kid).pathname}/sign`, body));
    const nothing = await startLoad({ ...client.target, port: nullPort }, client.post('/null', body));
    const watch = new OthersWatch([server, nothing, sign]);
    const { rows, disturbedRounds } = await measureRows(server.pid, watch, { nothing, sign }, selection.rounds);
    await sign.close();
    await nothing.close();
    const ratio = spread(ratioPerRound(rows[1]!.requestsPerSecond, [rows[0]!.requestsPerSecond]));
    return {
      sets: [],
      rows,
      figures: { 'https/es256': { ...ratio, disturbedRounds } },
      section: httpsSection(rows, ratio),
    };
  } finally {
    await server.close();
  }
}

/** 64 connections that send this request again and again. */
export async function startLoad(target: HttpsTarget, request: string): Promise<ContenderProcess> {
  const load = startProgram('load', 'https_load', {});
  await load.ask({ command: 'open', ...target, connections: CONNECTIONS, request });
  return load;
}

async function measureRows(
  serverPid: number,
  watch: OthersWatch,
  { nothing, sign }: { readonly nothing: ContenderProcess; readonly sign: ContenderProcess },
  rounds: number,
): Promise<{ rows: HttpsRow[]; disturbedRounds: number }> {
  const entrants = [
    { title: 'null handler', load: nothing },
    { title: 'sign ES256', load: sign },
  ];
  for (const { load } of entrants) await load.ask({ command: 'measure', ...MEASURE, measureMs: FIRST_RUN_MS });
  await waitForQuiet();
  const { slices, disturbedRounds } = await takeRounds(entrants, rounds, watch, async ({ load }) => {
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

function httpsSection(rows: readonly HttpsRow[], ratio: Spread): string {
  const lines = rows.map((row) => [
    row.title,
    `${count(median(row.requestsPerSecond))}/s`,
    `${significant(row.serverCpuUsPerRequest)} µs`,
  ]);
  const figures = table(['handler', 'requests', 'CPU of the server per request'], lines);
  return `## HTTPS, ${CONNECTIONS} keep-alive connections\n\n${figures}\n\nSign ES256 ÷ null handler: ${withRange(ratio)}.`;
}
