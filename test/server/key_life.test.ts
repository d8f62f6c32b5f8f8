import test from 'ava';
import { LIMITS } from '../../src/model/limits.ts';
import { VERSION } from './fake_engine.ts';
import { POOL_HOST, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const QUERY = '?api-version=2025-07-01';
const origin = () => `https://${POOL_HOST}:${server.port}`;
const kid = (name = 'k1') => `${origin()}/keys/${name}/${VERSION}`;
const encoded = (text: string) => Buffer.from(text).toString('base64url');
const lastOperation = () => server.engine.requests.at(-1)?.operation;
const ATTRIBUTES = {
  enabled: true,
  exp: 2_000_000_000,
  created: 1_700_000_000,
  updated: 1_700_000_000,
  recoverableDays: 90,
  recoveryLevel: 'Recoverable+Purgeable',
  exportable: false,
};
const DELETED = () => ({
  recoveryId: `${origin()}/deletedkeys/k1`,
  deletedDate: 1_700_000_100,
  scheduledPurgeDate: 1_707_776_100,
});

test.beforeEach(() => {
  server.engine.shown = {};
  server.engine.rotationPolicy = undefined;
});

test.serial('update hands over what is named and nothing else, for the newest version or the named one', async (t) => {
  const { status, json } = await server.send('PATCH', `/keys/k1/${QUERY}`, { attributes: { enabled: false } });
  t.is(status, 200);
  t.is((json.key as { kid: string }).kid, kid());
  t.deepEqual(server.engine.lastRequest, {
    key: { name: 'k1', version: undefined },
    operations: undefined,
    enabled: false,
    notBefore: undefined,
    expires: undefined,
    tags: undefined,
    releasePolicy: undefined,
  });
  const policy = { data: encoded('{}'), immutable: true };
  await server.send('PATCH', `/keys/k1/${VERSION}${QUERY}`, {
    key_ops: ['SIGN'],
    attributes: { nbf: 1, exp: 2, recoveryLevel: 'Purgeable', created: 3 },
    tags: {},
    release_policy: policy,
  });
  t.deepEqual(server.engine.lastRequest, {
    key: { name: 'k1', version: VERSION },
    operations: ['sign'],
    enabled: undefined,
    notBefore: 1,
    expires: 2,
    tags: {},
    releasePolicy: { contentType: 'application/json; charset=utf-8', data: Buffer.from('{}'), immutable: true },
  });
});

test.serial('whether a key is exportable can be said again in an update and not changed', async (t) => {
  const same = await server.send('PATCH', `/keys/k1${QUERY}`, { attributes: { exportable: false } });
  t.is(same.status, 200);
  t.is(lastOperation(), 'updateKey');
  const changed = await server.send('PATCH', `/keys/k1${QUERY}`, { attributes: { exportable: true } });
  t.is(changed.status, 400);
  t.is(lastOperation(), 'getKey');
});

test.serial('a release policy goes in with exportable and comes out again', async (t) => {
  const data = encoded('{"version":"1.0.0"}');
  const releasePolicy = {
    contentType: 'application/json; charset=utf-8',
    data: Buffer.from('{"version":"1.0.0"}'),
    immutable: false,
  };
  server.engine.shown = { exportable: true, releasePolicy, tags: { a: 'b' } };
  const { json } = await server.post(`/keys/k1/create${QUERY}`, {
    kty: 'EC',
    attributes: { exportable: true },
    release_policy: { data },
  });
  t.like(server.engine.lastRequest, { releasePolicy });
  t.deepEqual(json.release_policy as object, {
    contentType: 'application/json; charset=utf-8',
    data,
    immutable: false,
  });
  t.deepEqual(json.attributes as object, { ...ATTRIBUTES, exportable: true });
  t.deepEqual(json.tags as object, { a: 'b' });
});

test.serial('a release policy of null is none', async (t) => {
  const { status } = await server.post(`/keys/k1/create${QUERY}`, { kty: 'EC', release_policy: null });
  t.is(status, 200);
  t.like(server.engine.lastRequest, { releasePolicy: undefined });
});

test.serial('delete answers with where the key is to be recovered, and until when', async (t) => {
  const { status, json } = await server.request(`/keys/k1${QUERY}`, { method: 'DELETE' });
  t.is(status, 200);
  t.is(server.engine.lastRequest, 'k1');
  t.like(json, { ...DELETED(), attributes: ATTRIBUTES, key: { kid: kid(), kty: 'EC-HSM' } });
});

test.serial('a deleted key looks as its delete did', async (t) => {
  const { status, json } = await server.request(`/deletedkeys/k1${QUERY}`);
  t.is(status, 200);
  t.is(lastOperation(), 'getDeletedKey');
  t.like(json, { ...DELETED(), key: { kid: kid() } });
});

test.serial('recover answers with the key', async (t) => {
  const { status, json } = await server.request(`/deletedkeys/k1/recover${QUERY}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  });
  t.is(status, 200);
  t.is(lastOperation(), 'recoverKey');
  t.like(json, { key: { kid: kid() }, attributes: ATTRIBUTES });
  t.is(json.recoveryId, undefined);
});

test.serial('purge answers 204 with the headers of every answer, without a body and without its length', async (t) => {
  const { status, text, headers } = await server.request(`/deletedkeys/k1${QUERY}`, { method: 'DELETE' });
  t.is(status, 204);
  t.is(text, '');
  t.is(lastOperation(), 'purgeKey');
  t.is(headers['content-length'], undefined);
  t.is(headers['transfer-encoding'], undefined);
  t.like(headers, { 'content-type': 'application/json; charset=utf-8', 'x-ms-keyvault-region': 'local' });
});

test.serial('rotate takes a POST without a body', async (t) => {
  const variants: readonly Record<string, string>[] = [{}, { 'content-type': 'application/json' }];
  for (const headers of variants) {
    const { status, json } = await server.request(`/keys/k1/rotate${QUERY}`, { method: 'POST', headers });
    t.is(status, 200);
    t.is(server.engine.lastRequest, 'k1');
    t.like(json, { key: { kid: kid() } });
  }
});

test.serial('a key without a rotation policy has one that says nothing', async (t) => {
  const { status, json } = await server.request(`/keys/k1/rotationpolicy${QUERY}`);
  t.is(status, 200);
  t.deepEqual(json, { id: `${origin()}/keys/k1/rotationpolicy`, lifetimeActions: [], attributes: {} });
});

test.serial('a rotation policy goes in and comes out with its times', async (t) => {
  server.engine.rotationPolicy = {
    lifetimeActions: [{ action: 'Rotate', timeAfterCreate: 'P30D', timeBeforeExpiry: undefined }],
    expiryTime: 'P90D',
    created: 1,
    updated: 2,
  };
  const { json } = await server.send('PUT', `/keys/k1/rotationpolicy${QUERY}`, {
    lifetimeActions: [
      { trigger: { timeAfterCreate: 'P30D', timeBeforeExpiry: null }, action: { type: 'rotate' } },
      { trigger: { timeBeforeExpiry: 'P30D' }, action: { type: 'NOTIFY' } },
      { action: { type: 'Notify' } },
    ],
    attributes: { expiryTime: 'P90D', created: 5 },
  });
  t.deepEqual(server.engine.lastRequest, {
    name: 'k1',
    lifetimeActions: [
      { action: 'Rotate', timeAfterCreate: 'P30D', timeBeforeExpiry: undefined },
      { action: 'Notify', timeAfterCreate: undefined, timeBeforeExpiry: 'P30D' },
      { action: 'Notify', timeAfterCreate: undefined, timeBeforeExpiry: undefined },
    ],
    expiryTime: 'P90D',
  });
  t.deepEqual(json, {
    id: `${origin()}/keys/k1/rotationpolicy`,
    lifetimeActions: [{ trigger: { timeAfterCreate: 'P30D' }, action: { type: 'Rotate' } }],
    attributes: { expiryTime: 'P90D', created: 1, updated: 2 },
  });
});

test.serial('a rotation policy is taken away by one that says nothing', async (t) => {
  for (const body of [{ lifetimeActions: [], attributes: {} }, { attributes: { expiryTime: null } }, {}]) {
    const { status, json } = await server.send('PUT', `/keys/k1/rotationpolicy${QUERY}`, body);
    t.is(status, 200);
    t.deepEqual(server.engine.lastRequest, { name: 'k1', lifetimeActions: [], expiryTime: undefined });
    t.deepEqual(json.lifetimeActions as unknown[], []);
  }
});

test.serial('a backup goes out as base64url and comes back as it was', async (t) => {
  const backup = await server.request(`/keys/k1/backup${QUERY}`, { method: 'POST' });
  t.is(backup.status, 200);
  t.deepEqual(backup.json, { value: encoded('backup of k1') });
  const { status, json } = await server.post(`/keys/restore${QUERY}`, { value: backup.json.value });
  t.is(status, 200);
  t.deepEqual(Buffer.from(server.engine.lastRequest as Uint8Array), Buffer.from('backup of k1'));
  t.is((json.key as { kid: string }).kid, kid('restored'));
});

test.serial('a restore may be larger than other requests', async (t) => {
  const value = Buffer.alloc(3 * 1024 * 1024, 7);
  const { status } = await server.post(`/keys/restore${QUERY}`, { value: value.toString('base64url') });
  t.is(status, 200);
  t.true(Buffer.from(server.engine.lastRequest as Uint8Array).equals(value));
  // Announced and never sent: the answer does not wait for it.
  const larger = await server.request(`/keys/restore${QUERY}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': String(LIMITS.restoreBodyBytes + 1) },
    announcedOnly: true,
  });
  t.is(larger.status, 413);
  t.is(larger.headers.connection, 'close');
});

test.serial('attestation is in the attributes of the key', async (t) => {
  for (const [path, version] of [
    ['/keys/k1/attestation', undefined],
    [`/keys/k1/${VERSION}/attestation`, VERSION],
  ] as const) {
    const { status, json } = await server.request(`${path}${QUERY}`);
    t.is(status, 200);
    t.deepEqual(server.engine.lastRequest, { name: 'k1', version });
    t.deepEqual(json.attributes as object, {
      ...ATTRIBUTES,
      attestation: {
        certificatePemFile: encoded('certificates'),
        privateKeyAttestation: encoded('private'),
        publicKeyAttestation: encoded('public'),
        version: '1',
      },
    });
  }
});

test.serial('settings are listed, read and changed as texts', async (t) => {
  const first = { name: 'first', value: 'true', type: 'boolean' };
  t.deepEqual((await server.request(`/settings${QUERY}`)).json, { settings: [first] });
  t.deepEqual((await server.request(`/settings/first${QUERY}`)).json, first as object);
  const changed = await server.send('PATCH', `/settings/first${QUERY}`, { value: 'FALSE' });
  t.deepEqual(server.engine.lastRequest, { name: 'first', value: false });
  t.deepEqual(changed.json, { ...first, value: 'false' } as object);
});

test.serial('a setting that there is not is not found', async (t) => {
  const { status, json } = await server.request(`/settings/second${QUERY}`);
  t.is(status, 404);
  t.is(json.error?.code, 'NotFound');
});
