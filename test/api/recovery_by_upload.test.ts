import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { logInDirectory } from '../../src/audit/log_files.ts';
import { verifyAuditLog } from '../../src/audit/verify_audit_log.ts';
import { custodianOf, readCertificate } from '../../src/security_domain/custodian.ts';
import { parseDomainFile } from '../../src/security_domain/domain_format.ts';
import { openDomain, packForRecovery } from '../../src/security_domain/security_domain.ts';
import { certificateJwk } from '../security_domain/certificate_jwk.ts';
import { newCustodian } from '../security_domain/custodians.ts';
import { RunningServer } from './running_server.ts';
import { testAgainstSwagger, type WireExchange } from './swagger.ts';

const people = ['anna', 'ben', 'carla'].map((name) => newCustodian(name));
const certificates = people.map(({ certificate }) => certificateJwk(certificate));
const WAITS = { STRONGROOM_SECURITY_DOMAIN_AUTO_ACTIVATE: 'false' };
const DIGEST = Buffer.alloc(32, 7).toString('base64url');

const exchanges: WireExchange[] = [];

interface Source {
  readonly domain: string;
  /** Single-key backup of a key that the source has. */
  readonly backup: unknown;
  readonly signature: unknown;
}

/** Another HSM, with a key; its domain and a backup are all that is left of it. */
const source: Source = await (async () => {
  const server = await RunningServer.start(WAITS);
  try {
    const { json } = await server.post('/securitydomain/download', { certificates, required: 2 });
    await server.post('/keys/invoices/create', { kty: 'EC', crv: 'P-256' });
    const signed = await server.post('/keys/invoices/sign', { alg: 'ES256', value: DIGEST });
    const backup = await server.post('/keys/invoices/backup', {});
    return { domain: String(json.value), backup: backup.json.value, signature: signed.json.value };
  } finally {
    await server.remove();
  }
})();

/** What two custodians make of the domain for the transfer key of this server. */
async function restoreBlob(server: RunningServer): Promise<string> {
  const { json, status } = await server.get('/securitydomain/upload');
  if (status !== 200) throw new Error(JSON.stringify(json));
  const { x5c } = json.transfer_key as { x5c: string[] };
  const recipient = custodianOf(readCertificate(String(x5c[0]), 'x5c'), 'x5c');
  const keys = people.slice(1).map(({ key }) => key);
  const items = await openDomain(parseDomainFile(source.domain), keys);
  return JSON.stringify(await packForRecovery(items, recipient));
}

/** While the audit log changes its key, nobody is told anything. */
async function uploadEnd(server: RunningServer): Promise<unknown> {
  for (;;) {
    const { status, json } = await server.get('/securitydomain/upload/pending');
    if (status === 200 && json.status !== 'InProgress') return json.status;
    if (status !== 200 && status !== 503) throw new Error(JSON.stringify(json));
    await pause(100);
  }
}

/** It is of the domain of the source: a key from there is one here. */
async function hasSourceKeys(server: RunningServer): Promise<boolean> {
  const restored = await server.post('/keys/restore', { value: source.backup });
  if (restored.status !== 200) return false;
  const { json } = await server.post('/keys/invoices/verify', {
    alg: 'ES256',
    digest: DIGEST,
    value: source.signature,
  });
  return json.value === true;
}

test.serial('a fresh HSM takes the domain of another by upload, and everything that was in it goes on', async (t) => {
  const server = await RunningServer.start(WAITS);
  t.teardown(() => server.remove());
  const assignments = await server.get('/providers/Microsoft.Authorization/roleAssignments');
  const blob = await restoreBlob(server);
  t.is((await server.post('/securitydomain/upload', { value: blob.slice(0, -9) })).status, 400);
  t.is((await server.get('/keys')).json.error?.innererror?.code, 'HsmNotActivated');
  const uploaded = await server.post('/securitydomain/upload', { value: blob });
  t.is(uploaded.status, 202);
  t.is(new URL(String(uploaded.headers['azure-asyncoperation'])).pathname, '/securitydomain/upload/pending');
  t.is(await uploadEnd(server), 'Success');
  exchanges.push(...server.exchanges.filter(({ url }) => url.includes('/securitydomain/')));
  t.true(await hasSourceKeys(server), server.output);
  t.is((await server.post('/keys/orders/create', { kty: 'oct-HSM', key_size: 256 })).status, 200);

  const again = await server.post('/securitydomain/upload', { value: blob });
  t.is(again.json.error?.innererror?.code, 'HsmActivated');
  t.is((await server.get('/securitydomain/upload')).status, 409);
  await server.stop();
  t.false(existsSync(join(server.dataDir, 'recovery.json')));
  await server.restart();
  t.is((await server.get('/keys/orders')).status, 200);
  t.is((await server.get('/securitydomain/upload/pending')).status, 200);
  const after = await server.get('/providers/Microsoft.Authorization/roleAssignments');
  t.is(after.status, 200);
  t.is(assignments.status, 403);
  await server.stop();

  const audit = join(server.dataDir, 'audit');
  const former = readdirSync(audit).filter((name) => name.startsWith('former-'));
  t.is(former.length, 1);
  const [now, before] = await Promise.all(
    [audit, join(audit, String(former[0]))].map((directory) => verifyAuditLog(logInDirectory(directory))),
  );
  t.is(now?.problem, undefined);
  t.is(before?.problem, undefined);
  t.is(before?.unsigned, 1, 'the head alone');
  const [first] = readdirSync(audit).filter((name) => name.endsWith('.jsonl'));
  const opening = JSON.parse(readFileSync(join(audit, String(first)), 'utf8').split('\n')[0] ?? '');
  t.is(opening.reason, 'recovery');
  t.is(opening.follows.chain, before?.chain);
  t.is(opening.follows.treeSize, before?.last);
});

test.serial('an HSM that serves has a domain of its own, or keys: it takes no other', async (t) => {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  t.is((await server.get('/securitydomain/upload')).json.error?.innererror?.code, 'HsmActivated');
  const refused = await server.post('/securitydomain/upload', { value: '{}' });
  t.is(refused.json.error?.innererror?.code, 'HsmActivated');
});

/** What is waited for before the server is killed, from the beginning of a recovery to where the store has taken it. */
const MOMENTS: readonly ((dataDir: string) => boolean)[] = [
  (dataDir) => existsSync(join(dataDir, 'recovery.json')),
  (dataDir) => objectsOfToken(dataDir) > POOL_KEY_OBJECTS,
  (dataDir) => objectsOfToken(dataDir) === 2 * POOL_KEY_OBJECTS,
  isTaken,
];
const POOL_KEY_OBJECTS = 6;

function objectsOfToken(dataDir: string): number {
  const tokens = join(dataDir, 'token', 'tokens');
  const files = readdirSync(tokens, { recursive: true }).map(String);
  return files.filter((name) => name.endsWith('.object') && !name.endsWith('token.object')).length;
}

function isTaken(dataDir: string): boolean {
  const database = new DatabaseSync(join(dataDir, 'strongroom.sqlite'), { readOnly: true });
  try {
    return database.prepare(`SELECT 1 FROM document WHERE collection = 'security_domain'`).get() !== undefined;
  } finally {
    database.close();
  }
}

test.serial('wherever a recovery is interrupted, the next start has the one pool or the other', async (t) => {
  const server = await RunningServer.start(WAITS);
  t.teardown(() => server.remove());
  let isRecovered = false;
  for (const [which, hasCome] of MOMENTS.entries()) {
    if (isRecovered) break;
    const blob = await restoreBlob(server);
    t.is((await server.post('/securitydomain/upload', { value: blob })).status, 202);
    while (!hasCome(server.dataDir) && !isTaken(server.dataDir)) await pause(1);
    await server.stop('SIGKILL');
    const wasTaken = isTaken(server.dataDir);
    t.log(`moment ${which}: ${wasTaken ? 'the store has taken it' : 'the store has not taken it'}`);
    await server.restart();
    t.false(existsSync(join(server.dataDir, 'recovery.json')));
    t.is(objectsOfToken(server.dataDir), POOL_KEY_OBJECTS, 'no key is left over');
    const { json } = await server.get('/keys');
    isRecovered = json.error === undefined;
    t.is(isRecovered, wasTaken, JSON.stringify(json));
    if (!isRecovered) t.is(json.error?.innererror?.code, 'HsmNotActivated');
  }
  t.true(isRecovered);
  t.true(await hasSourceKeys(server));
});

testAgainstSwagger('every answer of a recovery is as the swagger describes it', () => exchanges, 4);
