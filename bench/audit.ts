import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../test/fixtures/free_port.ts';
import type { ContenderProcess } from './contender_process.ts';
import { CONNECTIONS, type HttpsEntrant, httpsTable, measureHttpsRows, startLoad } from './https_rounds.ts';
import { OthersWatch } from './others_watch.ts';
import { withRange } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { ServerClient } from './server_client.ts';
import { startProgram } from './start_contender.ts';
import { ratioPerRound, spread } from './statistics.ts';

/** What becomes of the records of a server. `none`: nothing, they are not even put together. */
export const AUDITS = ['none', 'written', 'synced'] as const;
export type Audit = (typeof AUDITS)[number];

const TITLES: Readonly<Record<Audit, string>> = {
  none: 'without audit',
  written: 'audit, written',
  synced: 'audit, synced',
};

interface AuditedServer extends HttpsEntrant {
  readonly server: ContenderProcess;
}

/** What the audit log costs: signing over HTTPS with servers that are the same but for it. */
export async function measureAudit(selection: Selection, token: ScratchToken): Promise<PartOutcome> {
  const entrants: AuditedServer[] = [];
  try {
    for (const audit of AUDITS) entrants.push(await startServer(audit, token));
    const watch = new OthersWatch(entrants.flatMap(({ server, load }) => [server, load]));
    const { rows, disturbedRounds } = await measureHttpsRows(entrants, watch, selection.rounds);
    const [without, written, synced] = rows.map(({ requestsPerSecond }) => requestsPerSecond);
    const ratios = [written!, synced!].map((rates) => spread(ratioPerRound(rates, [without!])));
    const title = `## Audit, sign ES256 over HTTPS, ${CONNECTIONS} keep-alive connections`;
    const said = `Written ÷ without: ${withRange(ratios[0]!)}. Synced ÷ without: ${withRange(ratios[1]!)}.`;
    return {
      sets: [],
      rows,
      figures: {
        'audit/written': { ...ratios[0]!, disturbedRounds },
        'audit/synced': { ...ratios[1]!, disturbedRounds },
      },
      section: `${title}\n\n${httpsTable(rows)}\n\n${said}`,
    };
  } finally {
    for (const { load, server } of entrants) {
      await load.close();
      await server.close();
    }
  }
}

async function startServer(audit: Audit, token: ScratchToken): Promise<AuditedServer> {
  const dataDir = join(token.directory, `audit-${audit}`);
  await mkdir(dataDir, { mode: 0o700 });
  const port = await freePort();
  const server = startProgram(`server-${audit}`, 'strongroom_server', {});
  await server.ask({ command: 'open', dataDir, port, audit });
  const client = await ServerClient.open(dataDir, port);
  const load = await startLoad(client.target, await client.signRequest());
  return { title: TITLES[audit], server, load, serverPid: server.pid };
}
