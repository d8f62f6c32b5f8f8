import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { testUnless } from '../fixtures/test_unless.ts';
import { Azurite, azuriteIsInstalled, type SasRequest } from './azurite.ts';
import { type Answer, RunningServer } from './running_server.ts';
import { testAgainstSwagger, type WireExchange } from './swagger.ts';

const DIGEST = Buffer.alloc(32, 3).toString('base64url');
const CONTAINER = 'backups';
/** What a backup needs, and what a restore. */
const WRITING = { container: CONTAINER, rights: 'cw' };
const READING = { container: CONTAINER, rights: 'r' };

let azurite: Azurite;
let first: RunningServer;
let second: RunningServer;
const secrets: string[] = [];
const exchanges: WireExchange[] = [];

/** Two servers with stores of their own, whose tokens have the same pool keys, and a blob store. */
async function begin(): Promise<void> {
  azurite = await Azurite.start();
  await azurite.createContainer(CONTAINER);
  const settings = { NODE_EXTRA_CA_CERTS: azurite.authorityFile };
  first = await RunningServer.start(settings);
  second = await RunningServer.start(settings, (dataDir) => {
    cpSync(join(first.dataDir, 'token'), join(dataDir, 'token'), { recursive: true });
  });
}

async function end(): Promise<void> {
  await Promise.all([first?.remove(), second?.remove()]);
  await azurite?.close();
}

const withAzurite = testUnless(azuriteIsInstalled ? undefined : 'Azurite is not installed');
withAzurite.before(begin);
withAzurite.after.always(end);

function storage(request: SasRequest): { readonly storageResourceUri: string; readonly token: string } {
  const token = azurite.sas(request);
  secrets.push(String(new URLSearchParams(token).get('sig')));
  return { storageResourceUri: azurite.uri(request.container), token };
}

/** The state of the job once it has ended, and what it was told as until then. */
async function ended(server: RunningServer, what: 'backup' | 'restore', begun: Promise<Answer>) {
  const { status, json } = await begun;
  if (status !== 202) throw new Error(JSON.stringify(json));
  for (;;) {
    const { json: state } = await server.get(`/${what}/${json.jobId}/pending`);
    if (state.status !== 'InProgress') return state;
    await delay(50);
  }
}

const put = (server: RunningServer, path: string, body: unknown) => server.send('PUT', path, JSON.stringify(body));

async function backUp(server: RunningServer): Promise<string> {
  const state = await ended(server, 'backup', server.post('/backup', storage(WRITING)));
  return String(state.azureStorageBlobContainerUri).slice(azurite.uri(CONTAINER).length + 1);
}

const place = (folder: string) => ({ sasTokenParameters: storage(READING), folderToRestore: folder });

async function versionsOf(server: RunningServer, name: string): Promise<unknown> {
  const { json } = await server.get(`/keys/${name}/versions`);
  return (json.value as { kid: string; tags: unknown }[])
    .map(({ kid, tags }) => ({ path: new URL(kid).pathname, tags }))
    .toSorted((one, other) => one.path.localeCompare(other.path));
}

let folder = '';

withAzurite.serial(
  'a pool is backed up to a container with a SAS that may write in it, and nothing else',
  async (t) => {
    for (const tags of [{ of: 'sales' }, { of: 'later' }]) {
      await first.post('/keys/orders/create', { kty: 'EC-HSM', crv: 'P-256', tags });
    }
    await first.post('/keys/rsa/create', { kty: 'RSA-HSM', key_size: 2048 });
    const checked = await ended(first, 'backup', first.post('/prebackup', storage(WRITING)));
    t.is(checked.status, 'Succeeded', JSON.stringify(checked));
    t.deepEqual(await azurite.blobs(CONTAINER), [], 'a check leaves nothing behind');
    const state = await ended(first, 'backup', first.post('/backup', storage(WRITING)));
    t.is(state.status, 'Succeeded', JSON.stringify(state));
    const uri = String(state.azureStorageBlobContainerUri);
    t.true(uri.startsWith(`${azurite.uri(CONTAINER)}/mhsm-demo-`));
    folder = uri.slice(azurite.uri(CONTAINER).length + 1);
    t.deepEqual(await azurite.blobs(CONTAINER), [`${folder}/chunk-000001`, `${folder}/manifest.json`]);
  },
);

withAzurite.serial('another server of the domain takes it in with a SAS that may read', async (t) => {
  const signed = await first.post('/keys/orders/sign', { alg: 'ES256', value: DIGEST });
  const checked = await ended(second, 'restore', put(second, '/prerestore', place(folder)));
  t.is(checked.status, 'Succeeded', JSON.stringify(checked));
  const restored = await ended(second, 'restore', put(second, '/restore', place(folder)));
  t.is(restored.status, 'Succeeded', JSON.stringify(restored));
  for (const name of ['orders', 'rsa']) t.deepEqual(await versionsOf(second, name), await versionsOf(first, name));
  const path = new URL(String(signed.json.kid)).pathname;
  const verified = await second.post(`${path}/verify`, { alg: 'ES256', digest: DIGEST, value: signed.json.value });
  t.is(verified.json.value, true);
});

withAzurite.serial('one key comes back by itself, once it is purged', async (t) => {
  const body = { sasTokenParameters: storage(READING), folder };
  const taken = await ended(second, 'restore', put(second, '/keys/orders/restore', body));
  t.like(taken, { status: 'Failed', error: { code: 'Conflict' } });
  await second.send('DELETE', '/keys/orders');
  await second.send('DELETE', '/deletedkeys/orders');
  const restored = await ended(second, 'restore', put(second, '/keys/orders/restore', body));
  t.is(restored.status, 'Succeeded', JSON.stringify(restored));
  t.deepEqual(await versionsOf(second, 'orders'), await versionsOf(first, 'orders'));
});

const PAST = new Date(Date.now() - 60_000);
const DENIED = { code: 'Forbidden', innererror: { code: 'StorageAccessDenied' } };
const MISSING = { code: 'NotFound', innererror: { code: 'StorageNotFound' } };

/** SAS tokens that are of no use, for a backup and for a restore. */
const REFUSALS: readonly [what: string, backup: SasRequest, restore: SasRequest, error: object][] = [
  ['that lacks rights', READING, { ...READING, rights: 'w' }, DENIED],
  ['that has expired', { ...WRITING, expires: PAST }, { ...READING, expires: PAST }, DENIED],
  ['that somebody else has signed', { ...WRITING, forged: true }, { ...READING, forged: true }, DENIED],
  [
    'of a container that is not there',
    { ...WRITING, container: 'nowhere' },
    { ...READING, container: 'nowhere' },
    MISSING,
  ],
];

for (const [what, backup, restore, error] of REFUSALS) {
  withAzurite.serial(`a SAS ${what} is refused, and the reason told`, async (t) => {
    await backUp(second);
    const before = await azurite.blobs(CONTAINER);
    for (const path of ['/prebackup', '/backup']) {
      t.like(await ended(first, 'backup', first.post(path, storage(backup))), { status: 'Failed', error }, path);
    }
    const from = { sasTokenParameters: storage(restore), folderToRestore: folder };
    for (const path of ['/prerestore', '/restore']) {
      t.like(await ended(second, 'restore', put(second, path, from)), { status: 'Failed', error }, path);
    }
    const one = { sasTokenParameters: from.sasTokenParameters, folder };
    t.like(await ended(second, 'restore', put(second, '/keys/nobody/restore', one)), { status: 'Failed', error });
    t.deepEqual(await azurite.blobs(CONTAINER), before);
    t.deepEqual(await versionsOf(second, 'orders'), await versionsOf(first, 'orders'));
  });
}

withAzurite.serial('what is not there, or only half of it, is told as that', async (t) => {
  await backUp(second);
  for (const missing of ['mhsm-none', `${folder}0`]) {
    const state = await ended(second, 'restore', put(second, '/restore', place(missing)));
    t.like(state, { status: 'Failed', error: { code: 'NotFound', innererror: { code: 'BackupNotFound' } } });
  }
});

withAzurite.serial('no SAS is in what the servers have written or answered', async (t) => {
  t.true(secrets.length > 10);
  for (const server of [first, second]) {
    exchanges.push(...server.exchanges.filter(({ url }) => /\/(?:pre)?(?:backup|restore)\b/.test(url)));
    await server.stop();
    const told = server.output + JSON.stringify(server.exchanges.map(({ body }) => body));
    for (const secret of secrets) {
      t.false(told.includes(secret));
      t.false(told.includes(encodeURIComponent(secret)));
    }
  }
});

testAgainstSwagger('every answer is as the swagger describes it', () => exchanges, 40, withAzurite);
