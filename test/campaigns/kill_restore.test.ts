import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { RunningServer } from '../api/running_server.ts';
import { testWithPostgres } from '../fixtures/test_with_postgres.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { postgresSettings } from './postgres_settings.ts';

const STORAGE = { storageResourceUri: 'file:' };
const KEYS = 40;
/** By then most restores of so few keys are over. */
const LONGEST_LIFE_MS = 120;

async function jobEnded(server: RunningServer, what: 'backup' | 'restore', id: unknown) {
  for (;;) {
    const { json } = await server.get(`/${what}/${id}/pending`);
    if (json.status !== 'InProgress') return json;
    await delay(5);
  }
}

async function backUp(server: RunningServer): Promise<string> {
  const { json } = await server.post('/backup', STORAGE);
  const { azureStorageBlobContainerUri: uri, error } = await jobEnded(server, 'backup', json.jobId);
  if (typeof uri !== 'string') throw new Error(`The backup has failed: ${JSON.stringify(error)}`);
  return uri.slice(uri.lastIndexOf('/') + 1);
}

/** Names and versions of all keys, as one text. */
async function keysOf(server: RunningServer): Promise<string> {
  const all: string[] = [];
  for (let path: string | null = '/keys'; path !== null; ) {
    const { json } = await server.get(path);
    const { value, nextLink } = json as unknown as { value: { kid: string }[]; nextLink: string | null };
    all.push(...value.map(({ kid }) => new URL(kid).pathname));
    const next: URL | undefined = nextLink === null ? undefined : new URL(nextLink);
    next?.searchParams.delete('api-version');
    path = next === undefined ? null : `${next.pathname}${next.search}`;
  }
  return all.join();
}

async function killRestores(
  t: ExecutionContext,
  run: CampaignRun,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-restores-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const server = await RunningServer.start({ ...settings, STRONGROOM_BACKUP_DIRECTORY: directory });
  t.teardown(() => server.remove());
  const states = new Map<string, string>();
  for (const state of ['one', 'other']) {
    for (let index = 0; index < KEYS; index++) {
      await server.post(`/keys/${state}-${index}/create`, { kty: 'EC-HSM', crv: 'P-256' });
    }
    states.set(await keysOf(server), await backUp(server));
  }
  let [now = '', other = ''] = [...states.keys()].reverse();
  const outcomes = { done: 0, 'given up': 0, 'killed before its answer': 0 };
  for (; run.done < run.count; run.done++) {
    await backUp(server);
    const place = { sasTokenParameters: STORAGE, folderToRestore: states.get(other) };
    const asked = server.send('PUT', '/restore', JSON.stringify(place)).catch(() => undefined);
    await delay(run.random.integer(0, LONGEST_LIFE_MS));
    await server.stop('SIGKILL');
    const begun = await asked;
    await server.restart();
    const found = await keysOf(server);
    const isRestored = found === other;
    if (!isRestored && found !== now) run.fail(`Restore ${run.done} has left ${found}`);
    if (begun?.status === 202) {
      const { status } = await jobEnded(server, 'restore', begun.json.jobId);
      if ((status === 'Succeeded') !== isRestored)
        run.fail(`Restore ${run.done} is ${status}, and the pool has ${found}`);
      outcomes[isRestored ? 'done' : 'given up'] += 1;
    } else outcomes['killed before its answer'] += 1;
    const name = found.split(',')[0] ?? '';
    const signed = await server.post(`${name}/sign`, { alg: 'ES256', value: Buffer.alloc(32).toString('base64url') });
    if (signed.status !== 200) run.fail(`Restore ${run.done}: ${name} does not sign: ${JSON.stringify(signed.json)}`);
    if (isRestored) [now, other] = [other, now];
  }
  for (const [outcome, count] of Object.entries(outcomes)) run.measure(outcome, count);
}

campaign('kill_restore_sqlite', (t, run) => killRestores(t, run, {}));

campaign(
  'kill_restore_postgres',
  async (t, run) => killRestores(t, run, await postgresSettings(t)),
  testWithPostgres.serial,
);
