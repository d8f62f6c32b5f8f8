import { createPublicKey } from 'node:crypto';
import { cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { logInDirectory } from '../../src/audit/log_files.ts';
import type { SignedHead } from '../../src/audit/tree_head.ts';
import { verifyAuditLog } from '../../src/audit/verify_audit_log.ts';
import { refused } from '../fixtures/refused.ts';
import { anEvent, eventsOf, type Line, linesOf, logFiles, newSigner, openLog, testDirectory } from './test_log.ts';

const signer = newSigner();

test('an event is one line of JSON in the shape of Azure, written when it is recorded', async (t) => {
  const directory = testDirectory(t);
  const log = await openLog(directory, signer);
  await log.record(anEvent());
  const [event, ...others] = eventsOf(directory);
  t.deepEqual(others, []);
  const { previousHash, identity, ...members } = event as Line;
  t.regex(String(previousHash), /^[0-9a-f]{64}$/);
  t.deepEqual(JSON.parse(String(identity)), {
    claim: {
      appid: 'app-1',
      'http://schemas.microsoft.com/identity/claims/objectidentifier': 'oid-1',
      'http://schemas.microsoft.com/identity/claims/tenantid': '11111111-2222-3333-4444-555555555555',
    },
  });
  t.deepEqual(members as object, {
    chain: log.chain,
    sequence: 2,
    category: 'AuditEvent',
    time: '2023-11-14T22:13:20.123Z',
    operationName: 'KeySign',
    operationVersion: '7.6',
    resultType: 'Success',
    httpStatusCode: 200,
    durationMs: 1,
    callerIpAddress: '192.0.2.7',
    clientInfo: 'curl/8',
    correlationId: 'c1',
    requestUri: 'https://demo.example.com/keys/k1/sign?api-version=7.6',
    properties: {
      PoolType: 'M-HSM',
      requestId: 'r1',
      addrAuthType: 'PublicIP',
      dataAction: 'Microsoft.KeyVault/managedHsm/keys/sign/action',
      scope: '/keys/k1',
      keyName: 'k1',
      keyVersion: '0123456789abcdef0123456789abcdef',
      algorithm: 'ES256',
    },
    TenantId: '11111111-2222-3333-4444-555555555555',
    resourceId: '/PROVIDERS/MICROSOFT.KEYVAULT/MANAGEDHSMS/DEMO',
    resourceProvider: 'MICROSOFT.KEYVAULT',
    resourceType: 'managedHSMs',
    resource: 'DEMO',
    PoolName: 'demo',
    subnetId: '(unknown)',
  });
  await log.close();
});

test('what a caller writes stays one text of one line, and members that an event has beside its own stay away', async (t) => {
  const directory = testDirectory(t);
  const log = await openLog(directory, signer);
  const userAgent = 'x","sequence":1}\n{"category":"AuditEvent"}\u2028\ud800é';
  await log.record(Object.assign(anEvent({ userAgent, correlationId: '"\n' }), { body: 'secret', token: 'secret' }));
  await log.close();
  t.is(eventsOf(directory)[0]?.clientInfo, userAgent);
  t.is(
    readFileSync(logFiles(directory)[0] ?? '', 'utf8')
      .trimEnd()
      .split('\n').length,
    3,
  );
  t.false(readFileSync(logFiles(directory)[0] ?? '', 'utf8').includes('secret'));
  t.is((await verifyAuditLog(logInDirectory(directory), { key: signer.publicKey })).problem, undefined);
});

test('a log that is closed ends with a signed head over everything, and holds', async (t) => {
  const directory = testDirectory(t);
  const log = await openLog(directory, signer, { durability: 'synced' });
  await Promise.all(Array.from({ length: 20 }, () => log.record(anEvent())));
  await log.close();
  const verdict = await verifyAuditLog(logInDirectory(directory), { key: signer.publicKey });
  t.is(verdict.problem, undefined);
  t.deepEqual([verdict.events, verdict.last, verdict.lastHead?.treeSize, verdict.unsigned], [20, 22, 21, 1]);
});

test('a log is for its owner alone', async (t) => {
  const directory = `${testDirectory(t)}/audit`;
  const log = await openLog(directory, signer);
  await log.close();
  t.is(statSync(directory).mode & 0o777, 0o700);
  for (const path of logFiles(directory)) t.is(statSync(path).mode & 0o777, 0o600);
});

test('the chain goes on over restarts and files, and heads come after so many lines', async (t) => {
  const directory = testDirectory(t);
  const heads: SignedHead[] = [];
  const headCopies = [{ keep: async (head: SignedHead) => void heads.push(head) }];
  const options = { fileBytes: 4_000, headEvery: { records: 5, ms: 60_000 }, headCopies };
  const chains = new Set<string>();
  for (let start = 0; start < 4; start++) {
    const log = await openLog(directory, signer, options);
    chains.add(log.chain);
    for (let i = 0; i < 17; i++) await log.record(anEvent());
    await log.close();
  }
  t.is(chains.size, 1);
  t.true(logFiles(directory).length > 4);
  const lines = linesOf(directory);
  t.deepEqual(
    lines.map(({ sequence }) => sequence),
    lines.map((_, index) => index + 1),
  );
  t.deepEqual(
    lines
      .filter(({ category, reason }) => category === 'AuditChain' && reason !== 'rotation')
      .map(({ reason }) => reason),
    ['new', 'restart', 'restart', 'restart'],
  );
  const verdict = await verifyAuditLog(logInDirectory(directory), { key: signer.publicKey, heads });
  t.is(verdict.problem, undefined);
  t.is(verdict.events, 4 * 17);
  t.true(verdict.heads >= 12, `${verdict.heads} heads`);
  t.is(verdict.confirmed, heads.length);
});

test('a head is signed after some time as well', async (t) => {
  const directory = testDirectory(t);
  const log = await openLog(directory, signer, { headEvery: { records: 1_000, ms: 10 } });
  await log.record(anEvent());
  await t.notThrowsAsync(until(() => linesOf(directory).some(({ category }) => category === 'AuditHead')));
  await log.close();
});

test('two logs have two names, and their lines do not mix', async (t) => {
  const [one, other] = [testDirectory(t), testDirectory(t)];
  const logs = [await openLog(one, signer), await openLog(other, signer)];
  t.not(logs[0]?.chain, logs[1]?.chain);
  await Promise.all(logs.map((log) => log.close()));
});

test('a copy of a log is not gone on with: it is put aside, and a new one begins that says after which', async (t) => {
  const [directory, other] = [testDirectory(t), join(testDirectory(t), 'copy')];
  const log = await openLog(directory, signer);
  await log.record(anEvent());
  await log.close();
  cpSync(directory, other, { recursive: true, preserveTimestamps: true });
  const copy = await openLog(other, signer);
  t.not(copy.chain, log.chain);
  await copy.record(anEvent());
  await copy.close();
  await (await openLog(directory, signer)).close();
  for (const each of [directory, other, join(other, `copied-${log.chain}`)]) {
    t.is((await verifyAuditLog(logInDirectory(each), { key: signer.publicKey })).problem, undefined, each);
  }
  const [opening] = linesOf(other);
  t.is(opening?.reason, 'copy');
  t.like(opening?.follows, { chain: log.chain, treeSize: 3 });
  const again = await openLog(other, signer);
  t.is(again.chain, copy.chain, 'the new one is gone on with');
  await again.close();
});

test('a second writer of a log is turned away, until the first one is gone', async (t) => {
  const directory = testDirectory(t);
  const log = await openLog(directory, signer);
  await refused(t, openLog(directory, signer), 'ServiceUnavailable', 'AuditLogInUse');
  await log.close();
  await (await openLog(directory, signer)).close();
  t.is((await verifyAuditLog(logInDirectory(directory))).problem, undefined);
});

test('a log that another key has signed is not gone on with', async (t) => {
  const directory = testDirectory(t);
  await (await openLog(directory, signer)).close();
  await refused(t, openLog(directory, newSigner()), 'ServiceUnavailable', 'AuditLogBroken');
});

test('a last line that a crash has left unfinished is cut off, and the log goes on', async (t) => {
  for (const cut of [1, 2, 100, 300]) {
    const directory = testDirectory(t);
    const log = await openLog(directory, signer, { headEvery: { records: 10, ms: 60_000 } });
    for (let i = 0; i < 12; i++) await log.record(anEvent());
    await log.close();
    const [path = ''] = logFiles(directory);
    truncateSync(path, statSync(path).size - cut);
    await (await openLog(directory, signer)).close();
    const verdict = await verifyAuditLog(logInDirectory(directory), { key: signer.publicKey });
    t.is(verdict.problem, undefined);
    const opening = linesOf(directory).findLast(({ category }) => category === 'AuditChain');
    t.true(Number(opening?.tornBytes) > 0, 'the log says so');
  }
});

test('a file that was begun and has no line is begun again', async (t) => {
  const directory = testDirectory(t);
  const log = await openLog(directory, signer, { fileBytes: 2_000 });
  for (let i = 0; i < 3; i++) await log.record(anEvent());
  await log.close();
  const last = logFiles(directory).at(-1) ?? '';
  truncateSync(last, 20);
  const again = await openLog(directory, signer, { fileBytes: 2_000 });
  for (let i = 0; i < 3; i++) await again.record(anEvent());
  await again.close();
  t.is((await verifyAuditLog(logInDirectory(directory), { key: signer.publicKey })).problem, undefined);
});

test('a closed log takes nothing', async (t) => {
  const log = await openLog(testDirectory(t), signer);
  await log.close();
  await log.close();
  await refused(t, log.record(anEvent()), 'ServiceUnavailable', 'AuditUnavailable');
  t.throws(() => log.admit(), { code: 'ServiceUnavailable' });
});

test('a signer that fails holds up nothing, and is asked again', async (t) => {
  const directory = testDirectory(t);
  const troubles: string[] = [];
  let broken = true;
  const fickle = {
    ...signer,
    signAuditHead: async (digest: Uint8Array) => {
      if (broken) throw new Error('no token');
      return signer.signAuditHead(digest);
    },
  };
  const log = await openLog(directory, fickle, {
    headEvery: { records: 2, ms: 10 },
    onTrouble: (what) => troubles.push(what),
  });
  await log.record(anEvent());
  await until(() => troubles.length > 0);
  t.regex(troubles[0] ?? '', /head/);
  await log.record(anEvent());
  broken = false;
  await until(() => linesOf(directory).some(({ category }) => category === 'AuditHead'));
  await log.close();
  t.is((await verifyAuditLog(logInDirectory(directory), { key: signer.publicKey })).problem, undefined);
});

test('a log goes on after a head that was signed while the file before was the last', async (t) => {
  const directory = testDirectory(t);
  const gate = Promise.withResolvers<void>();
  const slow = {
    ...signer,
    signAuditHead: async (digest: Uint8Array) => {
      await gate.promise;
      return signer.signAuditHead(digest);
    },
  };
  const log = await openLog(directory, slow, { fileBytes: 3_000, headEvery: { records: 2, ms: 60_000 } });
  while (logFiles(directory).length < 2) await log.record(anEvent());
  gate.resolve();
  await until(() => linesOf(directory).some(({ category }) => category === 'AuditHead'));
  const { treeSize, sequence } = linesOf(directory).find(({ category }) => category === 'AuditHead') as unknown as {
    treeSize: number;
    sequence: number;
  };
  const files = logFiles(directory);
  const opening = linesOf(directory).findLast(({ category }) => category === 'AuditChain');
  t.true(treeSize < (opening?.sequence ?? 0) - 1 && sequence > (opening?.sequence ?? 0), 'it covers the file before');
  await log.close();
  const again = await openLog(directory, signer);
  await again.record(anEvent());
  await again.close();
  t.true(files.length >= 2);
  const whole = await verifyAuditLog(logInDirectory(directory), { key: signer.publicKey });
  t.is(whole.problem, undefined);
  rmSync(files[0] as string);
  const rest = await verifyAuditLog(logInDirectory(directory), { key: signer.publicKey, from: opening?.sequence });
  t.is(rest.problem, undefined);
});

test('where no directory can be, there is no log', async (t) => {
  const path = `${testDirectory(t)}/file`;
  writeFileSync(path, '');
  await t.throwsAsync(openLog(`${path}/audit`, signer), { code: 'ENOTDIR' });
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 500) throw new Error('It never came to that.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a log that a former audit key has signed is put aside with that key, and the new one says after which it begins', async (t) => {
  const directory = testDirectory(t);
  const [before, after] = [newSigner(), newSigner()];
  const log = await openLog(directory, before);
  await log.record(anEvent());
  await log.close();
  await t.throwsAsync(openLog(directory, after), { message: /cannot be gone on with/ });
  const recovered = await openLog(directory, after, { formerKey: before.publicKey });
  await recovered.record(anEvent());
  await recovered.close();
  const aside = join(directory, `former-${log.chain}`);
  t.is((await verifyAuditLog(logInDirectory(aside), { key: before.publicKey })).problem, undefined);
  t.is((await verifyAuditLog(logInDirectory(directory), { key: after.publicKey })).problem, undefined);
  const pem = readFileSync(join(aside, 'audit_key.pem'), 'utf8');
  t.true(createPublicKey(pem).equals(before.publicKey));
  const [opening] = linesOf(directory);
  t.is(opening?.reason, 'recovery');
  t.like(opening?.follows, { chain: log.chain, treeSize: linesOf(aside).length });
  const again = await openLog(directory, after, { formerKey: before.publicKey });
  t.is(again.chain, recovered.chain, 'the new one is gone on with');
  await again.close();
});
