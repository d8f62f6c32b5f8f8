import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../test/fixtures/free_port.ts';
import type { ServerReply } from './contenders/strongroom_server.ts';
import { CONNECTIONS, httpsTable, measureHttpsRows, startLoad } from './https_rounds.ts';
import { OthersWatch } from './others_watch.ts';
import { withRange } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { ServerClient, SIGN_ES256 } from './server_client.ts';
import { startProgram } from './start_contender.ts';
import { ratioPerRound, spread } from './statistics.ts';

/** Signing over HTTPS next to a handler that does nothing, in one server process, with the load from a process of its own. */
export async function measureHttps(selection: Selection, token: ScratchToken): Promise<PartOutcome> {
  const dataDir = join(token.directory, 'https');
  await mkdir(dataDir, { mode: 0o700 });
  const port = await freePort();
  const server = startProgram('server', 'strongroom_server', {});
  const { nullPort } = await server.ask<ServerReply>({ command: 'open', dataDir, port });
  try {
    const client = await ServerClient.open(dataDir, port);
    const signing = await client.signRequest();
    const sign = await startLoad(client.target, signing);
    const nothing = await startLoad({ ...client.target, port: nullPort }, client.post('/null', SIGN_ES256));
    const watch = new OthersWatch([server, nothing, sign]);
    const entrants = [
      { title: 'null handler', load: nothing, serverPid: server.pid },
      { title: 'sign ES256', load: sign, serverPid: server.pid },
    ];
    const { rows, disturbedRounds } = await measureHttpsRows(entrants, watch, selection.rounds);
    await sign.close();
    await nothing.close();
    const ratio = spread(ratioPerRound(rows[1]!.requestsPerSecond, [rows[0]!.requestsPerSecond]));
    const title = `## HTTPS, ${CONNECTIONS} keep-alive connections`;
    return {
      sets: [],
      rows,
      figures: { 'https/es256': { ...ratio, disturbedRounds } },
      section: `${title}\n\n${httpsTable(rows)}\n\nSign ES256 ÷ null handler: ${withRange(ratio)}.`,
    };
  } finally {
    await server.close();
  }
}
