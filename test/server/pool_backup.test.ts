import test from 'ava';
import { FakeBackups } from './fake_backups.ts';
import { POOL_HOST, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());
test.beforeEach(() => {
  server.backups.isRestoring = false;
  server.backups.job = new FakeBackups().job;
});

const QUERY = '?api-version=7.6';
const STORAGE = { storageResourceUri: 'https://account.blob.example/container', token: 'sv=2021&sig=secret' };
const PLACE = { location: STORAGE, folder: 'mhsm-demo-1' };
const JOB = 'f'.repeat(32);
const RUNNING = {
  status: 'InProgress',
  statusDetails: 'is in progress',
  error: { code: null, message: null, innererror: null },
  startTime: 1_790_000_000,
  endTime: null,
  jobId: JOB,
};
const RESTORE = { sasTokenParameters: STORAGE, folderToRestore: 'mhsm-demo-1' };

/** Each request that begins a job, what it is answered with, and what is asked for behind it. */
const BEGINNINGS = [
  ['POST', '/backup', STORAGE, 'backup', { kind: 'backup', request: STORAGE }],
  ['POST', '/prebackup', STORAGE, 'backup', { kind: 'backupCheck', request: STORAGE }],
  ['POST', '/prebackup', {}, 'backup', { kind: 'backupCheck', request: undefined }],
  ['PUT', '/restore', RESTORE, 'restore', { kind: 'restore', request: PLACE }],
  ['PUT', '/prerestore', RESTORE, 'restore', { kind: 'restoreCheck', request: PLACE }],
  ['PUT', '/prerestore', {}, 'restore', { kind: 'restoreCheck', request: undefined }],
  [
    'PUT',
    '/keys/k1/restore',
    { sasTokenParameters: STORAGE, folder: 'mhsm-demo-1' },
    'restore',
    { kind: 'keyRestore', request: { name: 'k1', place: PLACE } },
  ],
] as const;

for (const [method, path, body, what, asked] of BEGINNINGS) {
  test.serial(
    `${method} ${path} with ${JSON.stringify(Object.keys(body))} answers 202 and where its state is told`,
    async (t) => {
      const { status, json, headers } = await server.send(method, path + QUERY, body);
      t.is(status, 202);
      t.deepEqual(json, what === 'backup' ? { ...RUNNING, azureStorageBlobContainerUri: null } : { ...RUNNING });
      t.is(headers['retry-after'], '5');
      t.is(headers['azure-asyncoperation'], `https://${POOL_HOST}:${server.port}/${what}/${JOB}/pending`);
      t.deepEqual(server.backups.asked.at(-1), asked);
    },
  );
}

test.serial('the state of a job is told where its beginning has said, with and without an API version', async (t) => {
  for (const what of ['backup', 'restore']) {
    for (const query of ['', QUERY]) {
      const { status, json } = await server.request(`/${what}/${JOB}/pending${query}`);
      t.is(status, 200);
      t.like(json, RUNNING);
      t.is('azureStorageBlobContainerUri' in json, what === 'backup');
    }
    const unknown = await server.request(`/${what}/${'e'.repeat(32)}/pending${QUERY}`);
    t.like(unknown, { status: 404, json: { error: { code: 'NotFound' } } });
    t.true(unknown.json.error?.message.startsWith('The given jobId is not found'));
    t.is((await server.request(`/${what}/${JOB}/pending?api-version=1.0`)).status, 400);
  }
});

test.serial('a job that has ended says when, and where the backup is or why there is none', async (t) => {
  const { job } = server.backups;
  const done = { ended: 1_790_000_009, details: '1 key' };
  server.backups.job = { ...job, ...done, state: 'Succeeded', folderUri: 'https://account.blob.example/c/mhsm-demo-1' };
  t.deepEqual((await server.request(`/backup/${JOB}/pending${QUERY}`)).json, {
    ...RUNNING,
    status: 'Succeeded',
    statusDetails: '1 key',
    error: null,
    endTime: 1_790_000_009,
    azureStorageBlobContainerUri: 'https://account.blob.example/c/mhsm-demo-1',
  });
  const error = { code: 'Forbidden', innerCode: 'StorageAccessDenied', message: 'No.' } as const;
  server.backups.job = { ...job, ...done, state: 'Failed', error };
  t.deepEqual((await server.request(`/restore/${JOB}/pending${QUERY}`)).json, {
    ...RUNNING,
    status: 'Failed',
    statusDetails: '1 key',
    error: { code: 'Forbidden', message: 'No.', innererror: { code: 'StorageAccessDenied' } },
    endTime: 1_790_000_009,
  });
});

test.serial('while a restore goes on, its state is told and everything else is a conflict', async (t) => {
  server.backups.isRestoring = true;
  t.is((await server.request(`/restore/${JOB}/pending${QUERY}`)).status, 200);
  const others: readonly [method: string, path: string, body?: object][] = [
    ['GET', '/keys/k1'],
    ['GET', '/keys'],
    ['POST', '/keys/k1/sign', { alg: 'ES256', value: 'AQID' }],
    ['POST', '/keys/k1/create', { kty: 'EC' }],
    ['GET', `/backup/${JOB}/pending`],
    ['POST', '/backup', STORAGE],
    ['PUT', '/restore', RESTORE],
    ['GET', '/settings'],
    ['POST', '/rng', { count: 8 }],
    ['GET', '/providers/Microsoft.Authorization/roleAssignments'],
    ['GET', '/securitydomain/upload'],
    ['POST', '/securitydomain/upload', { value: '{}' }],
    ['POST', '/securitydomain/download', {}],
  ];
  for (const [method, path, body] of others) {
    const answer =
      body === undefined ? server.request(path + QUERY, { method }) : server.send(method, path + QUERY, body);
    const { status, json } = await answer;
    t.is(status, 409, path);
    t.like(json.error, { code: 'Conflict', innererror: { code: 'RestoreInProgress' } });
    t.true(json.error?.message.startsWith('User triggered Restore operation is in progress'));
  }
  t.deepEqual(server.domainRecovery.uploads, []);
  const unknown = await server.request('/keys', { authenticated: false });
  t.is(unknown.status, 401, 'who is not known learns nothing of it');
});

const MEANWHILE: readonly [what: string, happens: () => Promise<void>][] = [
  [
    'begun',
    async () => {
      server.backups.isRestoring = true;
    },
  ],
  ['replaced everything', () => server.replacements.replace()],
];

for (const [what, happens] of MEANWHILE) {
  test.serial(`a change that was let in before a restore has ${what} is not done`, async (t) => {
    server.audit.taken();
    const asked = server.engine.requests.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.audit.gate = promise;
    const changing = server.send('POST', `/keys/k1/create${QUERY}`, { kty: 'EC' });
    while (server.audit.events.length === 0) await new Promise((done) => setImmediate(done));
    await happens();
    server.audit.gate = Promise.resolve();
    resolve();
    const { status, json } = await changing;
    t.is(status, 409);
    t.like(json.error, { code: 'Conflict', innererror: { code: 'RestoreInProgress' } });
    t.is(server.engine.requests.length, asked);
    server.backups.isRestoring = false;
    t.is((await server.send('POST', `/keys/k1/create${QUERY}`, { kty: 'EC' })).status, 200, 'what comes now is done');
  });
}

test.serial('a managed identity is no way to a storage, and a token may be null', async (t) => {
  const identity = { ...STORAGE, token: null, useManagedIdentity: true };
  const asked = server.backups.asked.length;
  for (const [method, path, body] of [
    ['POST', '/backup', identity],
    ['POST', '/prebackup', identity],
    ['PUT', '/restore', { ...RESTORE, sasTokenParameters: identity }],
    ['PUT', '/prerestore', { ...RESTORE, sasTokenParameters: identity }],
    ['PUT', '/keys/k1/restore', { sasTokenParameters: { ...identity, token: 'sig=1' }, folder: 'mhsm-demo-1' }],
  ] as const) {
    const refused = await server.send(method, path + QUERY, body);
    const innererror = { code: 'ManagedIdentityNotSupported' };
    t.like(refused, { status: 400, json: { error: { code: 'BadParameter', innererror } } }, path);
    t.true(refused.json.error?.message.startsWith('Expected false for useManagedIdentity: this HSM uses a SAS token.'));
  }
  t.is(server.backups.asked.length, asked);
  const taken = await server.post(`/backup${QUERY}`, {
    storageResourceUri: 'file:',
    token: null,
    useManagedIdentity: false,
  });
  t.is(taken.status, 202);
  t.deepEqual(server.backups.asked.at(-1)?.request, { storageResourceUri: 'file:', token: undefined });
});

test.serial('a SAS token is in no record and in no log', async (t) => {
  await server.post(`/backup${QUERY}`, STORAGE);
  await server.post(`/backup${QUERY}`, { ...STORAGE, storageResourceUri: 1 });
  t.false(JSON.stringify(server.audit.events).includes('secret'));
  t.false(server.log.join().includes('sig=secret'));
});
