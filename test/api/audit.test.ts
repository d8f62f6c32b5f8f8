import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { readRecord } from '../../src/audit/audit_record.ts';
import { parseHeads } from '../../src/audit/heads_file.ts';
import { logInDirectory } from '../../src/audit/log_files.ts';
import { verifyAuditLog } from '../../src/audit/verify_audit_log.ts';
import { eventsOf, logFiles, testDirectory } from '../audit/test_log.ts';
import { campaign } from '../campaigns/campaign.ts';
import { testAsRoot } from '../fixtures/test_unless.ts';
import { type Answer, RunningServer } from './running_server.ts';

const CALLERS = 12;
const DIGEST = createHash('sha256').update('audit').digest('base64url');

campaign('kill_audit', async (t, run) => {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  t.is((await server.post('/keys/k/create', { kty: 'EC-HSM', crv: 'P-256' })).status, 200);
  /** Request ids that answers had. */
  const acknowledged: string[] = [];
  for (; run.done < run.count; run.done++) {
    const before = acknowledged.length;
    let isOver = false;
    const call = async (caller: number): Promise<void> => {
      for (let i = 0; !isOver; i++) {
        const asked =
          caller === 0
            ? server.post(`/keys/made-${run.done}-${i}/create`, { kty: 'EC-HSM', crv: 'P-256' })
            : server.post('/keys/k/sign', { alg: 'ES256', value: DIGEST });
        const answer = await asked.catch(() => undefined);
        if (answer?.status === 200) acknowledged.push(String(answer.headers['x-ms-request-id']));
      }
    };
    const callers = Array.from({ length: CALLERS }, (_, caller) => call(caller));
    while (acknowledged.length < before + 40) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.stop('SIGKILL');
    isOver = true;
    await Promise.all(callers);
    await server.restart();
  }
  await server.stop();
  const directory = join(server.dataDir, 'audit');
  const recorded = new Set(requestIds(directory, 'Success'));
  t.true(acknowledged.length >= run.count * 40);
  t.deepEqual(
    acknowledged.filter((id) => !recorded.has(id)),
    [],
  );
  const begun = new Set(requestIds(directory, 'Pending'));
  const changes = eventsOf(directory).filter(({ operationName }) => operationName === 'KeyCreate');
  t.true(changes.every(({ properties }) => begun.has((properties as { requestId: string }).requestId)));
  t.is((await verifyAuditLog(logInDirectory(directory))).problem, undefined);
});

test.serial(
  'nothing that is secret in a request or in the service gets into the log, wherever it stands',
  async (t) => {
    const headsFile = join(testDirectory(t), 'heads.jsonl');
    const server = await RunningServer.start({
      STRONGROOM_AUDIT_ANNOUNCED: 'operations',
      STRONGROOM_AUDIT_DURABILITY: 'synced',
      STRONGROOM_AUDIT_HEADS_FILE: headsFile,
      STRONGROOM_AUDIT_STDOUT: 'true',
    });
    t.teardown(() => server.remove());
    const canaries = Array.from({ length: 9 }, (_, place) =>
      randomBytes(24).toString('base64url').replace(/^./, `${place}`),
    );
    const [
      value = '',
      algorithm = '',
      member = '',
      query = '',
      header = '',
      bearer = '',
      cookie = '',
      key = '',
      path = '',
    ] = canaries;
    await server.post('/keys/k/create', { kty: 'EC-HSM', crv: 'P-256', tags: { tag: member }, [member]: member });
    await server.post(`/keys/k/sign?token=${query}&code=${query}`, { alg: 'ES256', value });
    await server.post('/keys/k/sign', { alg: algorithm, value });
    await server.post('/keys/k/sign', { alg: 'ES256', value: DIGEST });
    await server.post('/keys/k/batch', { operations: [{ reference: member, operation: member, alg: value, value }] });
    await server.send('PUT', '/keys/imported', JSON.stringify({ key: { kty: 'oct-HSM', k: key, key_ops: [member] } }));
    await server.send('PUT', '/keys/imported', `{"key": ${key}`);
    const headers = { 'x-ms-client-request-id': header, 'x-secret': header, referer: header, cookie };
    const url = `${server.url}/keys/k?api-version=${query}`;
    await server.exchange(url, 'GET', { ...headers, authorization: `Bearer ${bearer}` });
    await server.exchange(url, 'GET', { ...headers, authorization: `Bearer ${await server.accessToken()}` });
    await server.exchange(`${server.url}/keys/k/sign/_${path}`, 'POST', { authorization: `Basic ${bearer}` });
    await server.exchange(`${server.url}/keys/%41_${path}/x/(${path})`, 'POST', {});
    const signed = await server.post('/keys/k/sign', { alg: 'ES256', value: DIGEST });
    const token = await server.accessToken();
    await server.stop();
    const log = logFiles(join(server.dataDir, 'audit'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('');
    const directory = join(server.dataDir, 'audit');
    const lines = log.trimEnd().split('\n');
    const isAllSaid = (): boolean => lines.every((line) => server.output.includes(line));
    // The end of its pipe may come after its own.
    for (let look = 0; look < 250 && !isAllSaid(); look++) await delay(20);
    t.true(isAllSaid());
    t.true(requestIds(directory, 'Pending').includes(String(signed.headers['x-ms-request-id'])), 'announced as well');
    const heads = parseHeads(readFileSync(headsFile, 'utf8')) ?? [];
    const { problem, confirmed } = await verifyAuditLog(logInDirectory(directory), { heads });
    t.deepEqual([problem, confirmed], [undefined, heads.length]);
    t.true(log.includes('KeyBatch') && log.includes('KeyImport') && log.includes('Authentication'));
    const secrets: Record<string, string> = {
      ...Object.fromEntries(canaries.entries()),
      token: token.slice(-43),
      digest: DIGEST,
      signature: String(signed.json.value),
      clientSecret: server.environment.AZURE_CLIENT_SECRET ?? '',
      ...pinsOf(server.dataDir),
    };
    for (const [what, secret] of Object.entries(secrets)) {
      t.true(secret.length > 3, what);
      t.false(log.includes(secret), what);
      t.false(server.output.includes(secret), what);
    }
  },
);

testAsRoot.serial(
  'while its disk is full a server answers 503 at once and does nothing, and goes on when there is room',
  async (t) => {
    t.timeout(5 * 60_000);
    const server = await RunningServer.start();
    t.teardown(() => server.remove());
    await server.stop();
    const directory = join(server.dataDir, 'audit');
    rmSync(directory, { recursive: true });
    mkdirSync(directory, { mode: 0o700 });
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=700', 'tmpfs', directory]);
    t.teardown(() => execFileSync('/bin/umount', ['-l', directory]));
    await server.restart();
    t.is((await server.post('/keys/k/create', { kty: 'EC-HSM', crv: 'P-256' })).status, 200);
    const filler = join(directory, 'filler');
    fill(filler);
    const sign = (): Promise<Answer> => server.post('/keys/k/sign', { alg: 'ES256', value: DIGEST });
    let refused: Answer | undefined;
    for (let i = 0; i < 2_000 && refused === undefined; i++) {
      const answer = await sign();
      if (answer.status !== 200) refused = answer;
    }
    t.deepEqual([refused?.status, refused?.json.error?.innererror?.code], [503, 'AuditUnavailable']);
    const deleted = await server.send('DELETE', '/keys/k');
    t.is(deleted.status, 503);
    rmSync(filler);
    let answer = await sign();
    for (let i = 0; i < 100 && answer.status !== 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      answer = await sign();
    }
    t.is(answer.status, 200, 'the key is there, and the server was not started again');
    await server.stop();
    const verdict = await verifyAuditLog(logInDirectory(directory));
    t.is(verdict.problem, undefined);
    t.true(requestIds(directory, 'Success').includes(String(answer.headers['x-ms-request-id'])));
  },
);

function requestIds(directory: string, result: string): string[] {
  const records = logFiles(directory).flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => readRecord(Buffer.from(line))),
  );
  return records.filter((record) => record?.result === result).map((record) => record?.requestId ?? '');
}

/** Until the disk takes no more. */
function fill(path: string): void {
  const block = Buffer.alloc(4_096);
  for (;;) {
    try {
      writeFileSync(path, block, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

/** What the token of a server is opened with. */
function pinsOf(dataDir: string): Record<string, string> {
  const directory = join(dataDir, 'token');
  const names = readdirSync(directory, { withFileTypes: true }).filter(
    (entry) => entry.isFile() && /pin/i.test(entry.name),
  );
  return Object.fromEntries(names.map(({ name }) => [name, readFileSync(join(directory, name), 'utf8').trim()]));
}
