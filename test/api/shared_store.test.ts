import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';
import { RunningServer } from './running_server.ts';

const DIGEST = createHash('sha256').update('shared').digest('base64url');

let postgres: PostgresServer;
let directory: string;
let settings: Record<string, string>;

test.before(async () => {
  postgres = await openPostgresServer();
  directory = mkdtempSync(join(tmpdir(), 'strongroom-shared-'));
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, `${postgres.password}\n`, { mode: 0o600 });
  settings = { STRONGROOM_STORE_URL: await postgres.createDatabase(), STRONGROOM_STORE_PASSWORD_FILE: passwordFile };
});

test.after.always(async () => {
  await postgres?.close();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

test('two servers serve one pool over a shared database, and one with another token does not come up', async (t) => {
  const first = await RunningServer.start(settings);
  t.teardown(() => first.remove());
  const made = await first.post('/keys/shared/create', { kty: 'EC-HSM', crv: 'P-256' });
  t.is(made.status, 200);

  const second = await RunningServer.start(settings, (dataDir) => {
    cpSync(join(first.dataDir, 'token'), join(dataDir, 'token'), { recursive: true });
  });
  t.teardown(() => second.remove());
  const signed = await second.post('/keys/shared/sign', { alg: 'ES256', value: DIGEST });
  t.is(signed.status, 200);
  const path = new URL(String(signed.json.kid)).pathname;
  const checked = await first.post(`${path}/verify`, { alg: 'ES256', digest: DIGEST, value: signed.json.value });
  t.is(checked.json.value, true);

  const refusal = await t.throwsAsync(RunningServer.start(settings));
  t.regex(refusal.message, /^Ended with 69: /);
  t.false(refusal.message.includes(postgres.password));

  await second.stop();
  await second.restart();
  t.is((await second.get('/keys/shared')).status, 200);
  for (const server of [first, second]) {
    t.deepEqual(await server.stop(), { code: 0, signal: null });
    t.false(server.output.includes(postgres.password));
  }
});
