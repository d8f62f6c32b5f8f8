import type { ExecutionContext } from 'ava';
import { RunningServer } from '../api/running_server.ts';
import { testWithPostgres } from '../fixtures/test_with_postgres.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { KillCampaign } from './kill_campaign.ts';
import { postgresSettings } from './postgres_settings.ts';

async function killAgainAndAgain(
  t: ExecutionContext,
  run: CampaignRun,
  settings: Record<string, string>,
): Promise<void> {
  const server = await RunningServer.start(settings);
  t.teardown(() => server.remove());
  const kills = new KillCampaign(server, run.seed);
  try {
    for (; run.done < run.count; run.done++) await kills.run();
    await kills.finish();
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    run.fail(`${reason}\n\nThe server has written:\n${server.output}`);
  }
  const { acknowledged, unanswered, versionsProved } = kills.tally;
  run.measure('acknowledged changes', acknowledged);
  run.measure('unanswered, done', unanswered.done);
  run.measure('unanswered, not done', unanswered.notDone);
  run.measure('starts killed', kills.startsKilled);
  run.measure('key versions used', versionsProved);
}

campaign('kill_sqlite', (t, run) => killAgainAndAgain(t, run, {}));

campaign(
  'kill_postgres',
  async (t, run) => killAgainAndAgain(t, run, await postgresSettings(t)),
  testWithPostgres.serial,
);
