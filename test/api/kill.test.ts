import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { campaignSeed, isFullLength, repeatCommand } from '../fixtures/campaign.ts';
import { openPostgresServer } from '../fixtures/postgres_server.ts';
import { testWithPostgres } from '../fixtures/test_with_postgres.ts';
import { KillCampaign } from './kill_campaign.ts';
import { RunningServer } from './running_server.ts';

const SQLITE_LIVES = isFullLength ? 200 : 20;
const POSTGRES_LIVES = isFullLength ? 50 : 5;
const LONGEST_LIFE_MS = 30_000;

async function killAgainAndAgain(t: ExecutionContext, lives: number, settings: Record<string, string>): Promise<void> {
  t.timeout(lives * LONGEST_LIFE_MS);
  const seed = campaignSeed();
  const server = await RunningServer.start(settings);
  t.teardown(() => server.remove());
  const campaign = new KillCampaign(server, seed);
  const started = performance.now();
  try {
    for (let life = 0; life < lives; life++) await campaign.run();
    await campaign.finish();
    t.pass();
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const repeat = repeatCommand('test/api/kill.test.ts', { STRONGROOM_SEED: seed });
    t.fail(
      `${reason}\n\nThe server has written:\n${server.output}\n\nTo choose the same steps, if not the same instants: ${repeat}`,
    );
  } finally {
    t.log(`seed ${seed}, ${((performance.now() - started) / 1000).toFixed(1)} s, ${JSON.stringify(campaign.tally)}`);
  }
}

test.serial(`killed ${SQLITE_LIVES} times over SQLite, a server has what it acknowledged and nothing half-made`, (t) =>
  killAgainAndAgain(t, SQLITE_LIVES, {}),
);

testWithPostgres.serial(
  `killed ${POSTGRES_LIVES} times over PostgreSQL, a server has what it acknowledged and nothing half-made`,
  async (t) => {
    const postgres = await openPostgresServer();
    t.teardown(() => postgres.close());
    const directory = mkdtempSync(join(tmpdir(), 'strongroom-kill-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const passwordFile = join(directory, 'password');
    writeFileSync(passwordFile, postgres.password, { mode: 0o600 });
    await killAgainAndAgain(t, POSTGRES_LIVES, {
      STRONGROOM_STORE_URL: await postgres.createDatabase(),
      STRONGROOM_STORE_PASSWORD_FILE: passwordFile,
    });
  },
);
