import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { logInDirectory } from '../../src/audit/log_files.ts';
import { verifyAuditLog } from '../../src/audit/verify_audit_log.ts';
import { newCustodian } from '../security_domain/custodians.ts';
import { DomainSource, isTaken, uploadEnd, WAITS } from './domain_source.ts';
import { interruptRecoveries, type Moment } from './interrupted_recovery.ts';
import { RunningServer } from './running_server.ts';
import { testAgainstSwagger, type WireExchange } from './swagger.ts';
import { objectsOfToken, POOL_KEY_OBJECTS } from './token_objects.ts';

const exchanges: WireExchange[] = [];
const source = await DomainSource.make();

test.serial('a fresh HSM takes the domain of another by upload, and everything that was in it goes on', async (t) => {
  const server = await RunningServer.start(WAITS);
  t.teardown(() => server.remove());
  const assignments = await server.get('/providers/Microsoft.Authorization/roleAssignments');
  const blob = await source.blobFor(server);
  t.is((await server.post('/securitydomain/upload', { value: blob.slice(0, -9) })).status, 400);
  const foreign = await source.packFor(newCustodian('somebody else').custodian);
  const elsewhere = await server.post('/securitydomain/upload', { value: foreign });
  t.is(elsewhere.json.error?.innererror?.code, 'SecurityDomainWrong');
  t.regex(elsewhere.json.error?.message ?? '', /made for another transfer key/);
  t.is((await server.get('/keys')).json.error?.innererror?.code, 'HsmNotActivated');
  const uploaded = await server.post('/securitydomain/upload', { value: blob });
  t.is(uploaded.status, 202);
  t.is(new URL(String(uploaded.headers['azure-asyncoperation'])).pathname, '/securitydomain/upload/pending');
  t.is(await uploadEnd(server), 'Success');
  exchanges.push(...server.exchanges.filter(({ url }) => url.includes('/securitydomain/')));
  t.true(await source.isDomainOf(server), server.output);
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

/** From the beginning of a recovery to where the store has taken it. */
const MOMENTS: readonly Moment[] = [
  (dataDir) => existsSync(join(dataDir, 'recovery.json')),
  (dataDir) => objectsOfToken(dataDir) > POOL_KEY_OBJECTS,
  (dataDir) => objectsOfToken(dataDir) === 2 * POOL_KEY_OBJECTS,
  isTaken,
];
test.serial('wherever a recovery is interrupted, the next start has the one pool or the other', async (t) => {
  const server = await RunningServer.start(WAITS);
  t.teardown(() => server.remove());
  await interruptRecoveries(t, server, source, MOMENTS, () => {
    t.is(objectsOfToken(server.dataDir), POOL_KEY_OBJECTS, 'no key is left over');
  });
});

testAgainstSwagger('every answer of a recovery is as the swagger describes it', () => exchanges, 4);
