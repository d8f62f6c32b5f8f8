import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { PYTHON, testWithPython } from '../fixtures/debian_python.ts';
import { PROGRAM, plainEnvironment, RunningServer } from './running_server.ts';
import { testAgainstSwagger, type WireExchange } from './swagger.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-backups-'));
const settings = { STRONGROOM_BACKUP_DIRECTORY: directory };
const DIGEST = Buffer.alloc(32, 9).toString('base64url');
const STORAGE = { storageResourceUri: 'file:' };

let first: RunningServer;
let second: RunningServer;

/** Two servers with stores of their own, whose tokens have the same pool keys. */
test.before(async () => {
  first = await RunningServer.start(settings);
  second = await RunningServer.start(settings, (dataDir) => {
    cpSync(join(first.dataDir, 'token'), join(dataDir, 'token'), { recursive: true });
  });
});

test.after.always(async () => {
  await Promise.all([first?.remove(), second?.remove()]);
  rmSync(directory, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly out: string[];
  readonly err: string;
}

function strongroom(server: RunningServer, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const all = [PROGRAM, ...args, '--data-dir', server.dataDir];
    const child = execFile(process.execPath, all, { env: plainEnvironment(), timeout: 120_000 }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out: out.trim().split('\n'), err }),
    );
  });
}

const create = async (server: RunningServer, name: string): Promise<string> => {
  const { json } = await server.post(`/keys/${name}/create`, { kty: 'EC-HSM', crv: 'P-256', tags: { of: name } });
  return new URL((json.key as { kid: string }).kid).pathname;
};
const sign = (server: RunningServer, path: string) => server.post(`${path}/sign`, { alg: 'ES256', value: DIGEST });

let folder = '';
const exchanges: WireExchange[] = [];

test.serial('strongroom backs a pool up, and says how far it has come and where it is', async (t) => {
  await create(first, 'orders');
  await create(first, 'orders');
  await create(first, 'invoices');
  t.is((await strongroom(first, 'backup', 'check', '--storage', 'file:')).code, 0);
  const { code, out, err } = await strongroom(first, 'backup', 'start', '--storage', 'file:');
  t.is(code, 0, err);
  const [job = '', uri = ''] = out;
  t.regex(uri, /^file:\/\/\/backups\/mhsm-demo-\d{16}$/);
  t.regex(err, /2 keys with 3 versions were backed up\n$/);
  folder = uri.slice('file:///backups/'.length);
  const status = await strongroom(first, 'backup', 'status', job);
  t.deepEqual([status.code, status.out], [0, ['Succeeded  2 keys with 3 versions were backed up', uri]]);
  const unknown = await strongroom(first, 'backup', 'status', 'f'.repeat(32));
  t.is(unknown.code, 1);
  t.regex(unknown.err, /The given jobId is not found/);
});

test.serial('another server of the domain takes it in, and its administrator stays one', async (t) => {
  const { json } = await sign(first, '/keys/orders');
  const path = new URL(String(json.kid)).pathname;
  const { code, out, err } = await strongroom(second, 'restore', 'start', '--storage', 'file:', '--folder', folder);
  t.is(code, 0, err);
  t.regex(err, /2 keys with 3 versions were restored\n$/);
  const verified = await second.post(`${path}/verify`, { alg: 'ES256', digest: DIGEST, value: json.value });
  t.deepEqual([verified.status, verified.json.value], [200, true]);
  const got = await second.get('/keys/invoices');
  t.deepEqual(got.json.tags, { of: 'invoices' });
  const status = await strongroom(second, 'restore', 'status', String(out[0]));
  t.deepEqual([status.code, status.out], [0, ['Succeeded  2 keys with 3 versions were restored']]);
  t.regex(second.output, /"a backup or a restore of the pool has ended"/);
});

test.serial(
  'a restore over keys needs a backup of them, one key comes back by itself, and refusals say why',
  async (t) => {
    await create(second, 'later');
    const place = ['--storage', 'file:', '--folder', folder];
    const refused = await strongroom(second, 'restore', 'start', ...place);
    t.is(refused.code, 1);
    t.regex(refused.err, /take a full backup of it first/);
    const taken = await strongroom(second, 'restore', 'key', 'orders', ...place);
    t.is(taken.code, 1);
    t.regex(taken.err, /The key orders is there already\.\nIt failed: Conflict\.\n$/);
    await second.send('DELETE', '/keys/orders');
    await second.send('DELETE', '/deletedkeys/orders');
    const one = await strongroom(second, 'restore', 'key', 'orders', ...place);
    t.is(one.code, 0, one.err);
    t.is((await sign(second, '/keys/orders')).status, 200);
    t.is((await strongroom(second, 'restore', 'check', ...place)).code, 1);
    t.is((await strongroom(second, 'backup', 'start', '--storage', 'file:')).code, 0);
    t.is((await strongroom(second, 'restore', 'check', ...place)).code, 0);
    t.is((await strongroom(second, 'restore', 'start', ...place)).code, 0);
    t.is((await second.get('/keys/later')).status, 404);
  },
);

test.serial('the state of a job survives the server, and one that it was in the middle of has failed', async (t) => {
  const before = await second.post('/backup', STORAGE);
  const id = String(before.json.jobId);
  t.is(before.status, 202);
  while ((await second.get(`/backup/${id}/pending`)).json.status === 'InProgress') await delay(20);
  const { json: ended } = await second.get(`/backup/${id}/pending`);
  // Nobody answers at this address, and that is asked again for some seconds.
  const location = { storageResourceUri: 'https://127.0.0.1:1/container', token: 'sig=secret' };
  const begun = await second.post('/backup', location);
  t.is(begun.status, 202);
  await second.stop('SIGKILL');
  t.false(second.output.includes('secret'));
  await second.restart();
  t.deepEqual((await second.get(`/backup/${id}/pending`)).json, ended);
  const failed = await second.get(`/backup/${begun.json.jobId}/pending`);
  t.like(failed.json, { status: 'Failed', error: { code: 'ServiceUnavailable', innererror: { code: 'ServerEnded' } } });
  t.is((await second.post('/backup', STORAGE)).status, 202, 'it holds nobody up');
});

const testWithClients = testWithPython('azure.identity', 'azure.keyvault.keys', 'azure.keyvault.administration');
testWithClients.serial("an unmodified program of Azure's administration client backs up and restores", async (t) => {
  const env = { ...first.environment, STORAGE: 'file:///backups', SAS_TOKEN: 'sig=none' };
  const program = new URL('backup_program.py', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(PYTHON, [program], { env, timeout: 240_000 });
  const { folder: uri, ...report } = JSON.parse(stdout) as Record<string, unknown>;
  t.regex(String(uri), /^file:\/\/\/backups\/mhsm-demo-\d{16}$/);
  t.deepEqual(report, {
    selective: true,
    before: ['invoices', 'orders', 'py-first', 'py-later', 'py-second'],
    after: ['invoices', 'orders', 'py-first', 'py-second'],
    missing: 'NotFound',
  });
});

test.serial('jobs that go on, that have succeeded and that have failed are asked for', async (t) => {
  const put = (path: string, body: object) => second.send('PUT', path, JSON.stringify(body));
  const place = { sasTokenParameters: STORAGE, folderToRestore: folder };
  const states: unknown[] = [];
  const jobs: readonly [what: string, begin: () => ReturnType<typeof put>][] = [
    ['backup', () => second.post('/backup', STORAGE)],
    ['restore', () => put('/restore', place)],
    ['restore', () => put('/restore', { ...place, folderToRestore: 'mhsm-none' })],
    ['restore', () => put('/keys/orders/restore', { sasTokenParameters: STORAGE, folder })],
    ['backup', () => second.post('/backup', { storageResourceUri: 'https://127.0.0.1:1/container', token: 'sig=x' })],
  ];
  for (const [what, begin] of jobs) {
    const answer = await begin();
    t.is(answer.status, 202, JSON.stringify(answer.json));
    t.is(answer.json.status, 'InProgress');
    for (;;) {
      const { json } = await second.get(`/${what}/${answer.json.jobId}/pending`);
      t.deepEqual(Object.keys(json).toSorted(), Object.keys(answer.json).toSorted(), 'no member comes or goes');
      t.is(json.endTime === null, json.status === 'InProgress');
      t.is(json.error === null, json.status === 'Succeeded');
      if (json.status !== 'InProgress') {
        states.push(json.status);
        break;
      }
      await delay(20);
    }
  }
  t.deepEqual(states, ['Succeeded', 'Succeeded', 'Failed', 'Failed', 'Failed']);
  exchanges.push(...second.exchanges.filter(({ url }) => /\/(?:backup|restore)\b/.test(url)));
});

testAgainstSwagger('the states of jobs are as the swagger describes them', () => exchanges, 10);

test.serial('requests of backup and restore are on record, with what came of them', async (t) => {
  await first.stop();
  const { out } = await strongroom(first, 'audit', 'search', join(first.dataDir, 'audit'), '--json');
  const operations = out.filter((line) => line !== '').map((line) => JSON.parse(line).operationName);
  for (const name of ['BackupCreate', 'BackupCheck', 'BackupComplete', 'BackupStatusGet'])
    t.true(operations.includes(name), name);
});
