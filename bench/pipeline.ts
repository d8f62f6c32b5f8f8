import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../test/fixtures/free_port.ts';
import { takeRounds } from './coordinator.ts';
import { serverTimeUs, startLoad } from './https_rounds.ts';
import { OthersWatch } from './others_watch.ts';
import type { Slice } from './protocol.ts';
import { waitForQuiet } from './quiet_machine.ts';
import { count, significant, table } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { ServerClient } from './server_client.ts';
import { startProgram } from './start_contender.ts';
import { median, spread } from './statistics.ts';

const MEASURE = { operation: 'p-256', inFlight: 64, warmUpMs: 25, measureMs: 100 } as const;
const FIRST_RUN_MS = 1_500;

interface PipelineRow {
  readonly title: string;
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: readonly number[];
}

/** The whole way of a request but for the HSM: TLS, who it is, whether they may, the audit record, an answer from what the engine remembers. */
export async function measurePipeline({ rounds }: Selection, token: ScratchToken): Promise<PartOutcome> {
  const dataDir = join(token.directory, 'pipeline');
  await mkdir(dataDir, { mode: 0o700 });
  const port = await freePort();
  const server = startProgram('server', 'strongroom_server', {});
  await server.ask({ command: 'open', dataDir, port });
  try {
    const client = await ServerClient.open(dataDir, port);
    const created = await client.ask(client.post('/keys/bench/create', { kty: 'EC-HSM', crv: 'P-256' }));
    const { kid } = created.key as { kid: string };
    const load = await startLoad(client.target, client.get(new URL(kid).pathname));
    await load.ask({ command: 'measure', ...MEASURE, measureMs: FIRST_RUN_MS });
    await waitForQuiet();
    const watch = new OthersWatch([server, load]);
    const { slices, disturbedRounds } = await takeRounds([load], rounds, watch, async () => {
      const before = serverTimeUs(server.pid);
      const { operations, elapsedNs } = await load.ask<Slice>({ command: 'measure', ...MEASURE });
      const share = (elapsedNs / 1e6 + MEASURE.warmUpMs) / (elapsedNs / 1e6);
      return {
        cpuUs: (serverTimeUs(server.pid) - before) / share / operations,
        perSecond: operations / (elapsedNs / 1e9),
      };
    });
    await load.close();
    const taken = slices[0]!.flat();
    const row: PipelineRow = {
      title: 'GET of a key',
      requestsPerSecond: Math.round(median(taken.map(({ perSecond }) => perSecond))),
      cpuUsPerRequest: taken.map(({ cpuUs }) => Math.round(cpuUs * 10) / 10),
    };
    const line = [row.title, `${count(row.requestsPerSecond)}/s`, `${significant(median(row.cpuUsPerRequest))} µs`];
    return {
      sets: [],
      rows: [row],
      figures: { 'pipeline/cpu': { ...spread(row.cpuUsPerRequest), disturbedRounds } },
      section: `## The pipeline without the HSM\n\n${table(['', 'requests', 'CPU of the server per request'], [line])}`,
    };
  } finally {
    await server.close();
  }
}
