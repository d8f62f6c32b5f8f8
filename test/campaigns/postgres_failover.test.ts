import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { quantile } from '../../bench/statistics.ts';
import { RunningServer } from '../api/running_server.ts';
import { PostgresPair } from '../fixtures/postgres_pair.ts';
import { testWithPostgres } from '../fixtures/test_with_postgres.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { FailoverCampaign, type WriteGap } from './failover_campaign.ts';

/** Then everything begins anew, with the audit log in another place. */
const FAULTS_PER_SERVER = 50;
const LONGEST_GAP_MS = 5_000;
/** Characters of what a server has written that are told with a failure. */
const LAST_WORDS = 6_000;
const LEDGERS = ['file', 'postgres'] as const;

async function settingsOf(t: ExecutionContext, pair: PostgresPair, ledger: string): Promise<Record<string, string>> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-campaign-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, pair.password, { mode: 0o600 });
  return {
    STRONGROOM_STORE_URL: await pair.createDatabase(),
    STRONGROOM_STORE_PASSWORD_FILE: passwordFile,
    STRONGROOM_AUDIT_LEDGER: ledger,
  };
}

async function round(t: ExecutionContext, run: CampaignRun, ledger: string): Promise<FailoverCampaign> {
  const pair = await PostgresPair.open();
  t.teardown(() => pair.close());
  const settings = await settingsOf(t, pair, ledger);
  const server = await RunningServer.start(settings);
  t.teardown(() => server.remove());
  const failovers = new FailoverCampaign(server, pair, settings, run.random);
  try {
    for (let faults = 0; faults < FAULTS_PER_SERVER && run.done < run.count; faults++, run.done++)
      await failovers.run();
    await failovers.finish();
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const faults = failovers.gaps.map(({ fault }) => fault);
    run.fail(
      `${reason}\n\nAfter ${faults.length} faults (last: ${faults.at(-1)}), with the audit log in ${ledger}. ` +
        `The server has written last:\n${server.output.slice(-LAST_WORDS)}`,
    );
  }
  await server.stop();
  await pair.close();
  return failovers;
}

campaign(
  'postgres_failover',
  async (t, run) => {
    const gaps: WriteGap[] = [];
    const sum = { changes: 0, done: 0, notDone: 0, signatures: 0, unavailable: 0 };
    const firstLedger = run.random.integer(0, 1);
    for (let rounds = firstLedger; run.done < run.count && run.failures.length === 0; rounds++) {
      const failovers = await round(t, run, LEDGERS[rounds % LEDGERS.length] as string);
      gaps.push(...failovers.gaps);
      const { acknowledged, unanswered } = failovers.tally;
      sum.changes += acknowledged + failovers.changes;
      sum.done += unanswered.done;
      sum.notDone += unanswered.notDone;
      sum.signatures += failovers.signatures;
      sum.unavailable += failovers.unavailable;
    }
    for (const [fault, of] of Map.groupBy(gaps, (gap) => gap.fault)) {
      const longest = Math.max(...of.map(({ sinceWritable }) => sinceWritable));
      t.log(`${fault}: ${of.length}, longest gap ${Math.round(longest)} ms`);
    }
    for (const { fault, sinceWritable } of gaps) {
      if (run.isFull && sinceWritable > LONGEST_GAP_MS)
        run.fail(`No write for ${Math.round(sinceWritable)} ms: ${fault}`);
    }
    const of = (measure: (gap: WriteGap) => number): number[] => gaps.map(measure);
    run.measure('acknowledged changes', sum.changes);
    run.measure('verified signatures', sum.signatures);
    run.measure('answers 503', sum.unavailable);
    run.measure('unanswered, done', sum.done);
    run.measure('unanswered, not done', sum.notDone);
    if (gaps.length === 0) return;
    run.measure(
      'write gap once a primary takes changes, median, ms',
      quantile(
        of(({ sinceWritable }) => sinceWritable),
        0.5,
      ),
    );
    run.measure('longest, ms', Math.max(...of(({ sinceWritable }) => sinceWritable)));
    run.measure('longest of a single caller, ms', Math.max(...of(({ slowest }) => slowest)));
    run.measure(
      'write gap since the fault, median, ms',
      quantile(
        of(({ sinceFault }) => sinceFault),
        0.5,
      ),
    );
    run.measure('longest since the fault, ms', Math.max(...of(({ sinceFault }) => sinceFault)));
  },
  testWithPostgres.serial,
);
