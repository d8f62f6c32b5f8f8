import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { openPostgresServer } from '../fixtures/postgres_server.ts';

/** What has a server keep its keys in a database of its own, which ends with the test. */
export async function postgresSettings(t: ExecutionContext): Promise<Record<string, string>> {
  const postgres = await openPostgresServer();
  t.teardown(() => postgres.close());
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-campaign-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, postgres.password, { mode: 0o600 });
  return {
    STRONGROOM_STORE_URL: await postgres.createDatabase(),
    STRONGROOM_STORE_PASSWORD_FILE: passwordFile,
  };
}
