import { AuditLog } from '../../src/audit/audit_log.ts';
import { lockDirectory } from '../../src/audit/directory_lock.ts';
import { logInTable } from '../../src/audit/log_table.ts';
import { TableLedger } from '../../src/audit/table_ledger.ts';
import { verifyAuditLog } from '../../src/audit/verify_audit_log.ts';
import { PostgresAuditTable } from '../../src/store/postgres_audit_table.ts';
import { PostgresStore } from '../../src/store/postgres_store.ts';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { refused } from '../fixtures/refused.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';

import { anEvent, newSigner, PATIENT_MS, PLACE, testDirectory } from './test_log.ts';

const signer = newSigner();
const key = signer.publicKey;
let postgres: PostgresServer;

test.before(async () => {
  postgres = await openPostgresServer();
});
test.after.always(() => postgres?.close());

const password = async (): Promise<string> => postgres.password;

async function newDatabase(): Promise<string> {
  const url = await postgres.createDatabase();
  const store = await PostgresStore.open({ url, password });
  await store.close();
  return url;
}

/** As another pool has it, whose token signed the log before. */
interface Succession {
  readonly signer: typeof signer;
  readonly formerKey: typeof key | undefined;
}

async function openIn(
  url: string,
  directory: string,
  deadlineMs = PATIENT_MS,
  { signer: by, formerKey }: Partial<Succession> = {},
): Promise<AuditLog> {
  const table = new PostgresAuditTable({ url, password });
  const publicKey = by?.publicKey ?? key;
  const ledger = await TableLedger.open({ table, lock: lockDirectory(directory), publicKey, formerKey });
  return AuditLog.open({
    ledger,
    signer: by ?? signer,
    publicKey,
    place: PLACE,
    fileBytes: 4_000,
    deadlineMs,
    onTrouble: () => undefined,
  });
}

test('a log in a table goes on over restarts and parts, holds, and is read as a log in files is', async (t) => {
  const url = await newDatabase();
  const directory = testDirectory(t);
  let chain = '';
  for (let start = 0; start < 3; start++) {
    const log = await openIn(url, directory);
    if (start > 0) t.is(log.chain, chain);
    chain = log.chain;
    await Promise.all(Array.from({ length: 15 }, () => log.record(anEvent({ userAgent: 'é \u2028 \u0000' }))));
    await log.close();
  }
  const table = new PostgresAuditTable({ url, password });
  t.teardown(() => table.close());
  t.deepEqual(await table.listChains(), [chain]);
  const parts = await table.listParts(chain);
  t.true(parts.length > 2);
  const whole = await verifyAuditLog(logInTable(table, chain), { key });
  t.is(whole.problem, undefined);
  t.is(whole.events, 45);
  const [, from = 0] = parts;
  const range = await verifyAuditLog(logInTable(table, chain), { key, from, to: from + 3 });
  t.is(range.problem, undefined);
  t.is(range.first, from);
  await postgres.query(url, `UPDATE audit_line SET line = replace(line, '"k1"', '"k2"') WHERE sequence = 5`);
  t.is((await verifyAuditLog(logInTable(table, chain), { key })).problem?.sequence, 5);
  await postgres.query(url, 'DELETE FROM audit_line WHERE sequence = 5');
  t.regex((await verifyAuditLog(logInTable(table, chain), { key })).problem?.text ?? '', /removed/);
});

test('servers that share a table have a chain each', async (t) => {
  const url = await newDatabase();
  const logs = await Promise.all([openIn(url, testDirectory(t)), openIn(url, testDirectory(t))]);
  await Promise.all(logs.flatMap((log) => Array.from({ length: 20 }, () => log.record(anEvent()))));
  await Promise.all(logs.map((log) => log.close()));
  const table = new PostgresAuditTable({ url, password });
  t.teardown(() => table.close());
  t.is((await table.listChains()).length, 2);
  for (const { chain } of logs) {
    const verdict = await verifyAuditLog(logInTable(table, chain), { key });
    t.deepEqual([verdict.problem, verdict.events], [undefined, 20]);
  }
});

test('of two that take themselves for the same server, the later one has the chain and the other is refused', async (t) => {
  const url = await newDatabase();
  const place = { place: 'one and the same', close: () => undefined };
  const openClone = async (deadlineMs: number): Promise<AuditLog> => {
    const table = new PostgresAuditTable({ url, password });
    const ledger = await TableLedger.open({ table, lock: place, publicKey: key });
    return AuditLog.open({ ledger, signer, publicKey: key, place: PLACE, deadlineMs, onTrouble: () => undefined });
  };
  const first = await openClone(1_000);
  await first.record(anEvent());
  const second = await openClone(PATIENT_MS);
  await refused(t, first.record(anEvent()), 'ServiceUnavailable', 'AuditUnavailable');
  t.false(first.isTaking);
  await second.record(anEvent());
  await Promise.all([first.close(), second.close()]);
  const table = new PostgresAuditTable({ url, password });
  t.teardown(() => table.close());
  const verdict = await verifyAuditLog(logInTable(table, second.chain), { key });
  t.deepEqual([verdict.problem, verdict.events], [undefined, 2]);
});

test.serial('while the database is away records are refused, and taken again when it is back', async (t) => {
  const url = await newDatabase();
  const log = await openIn(url, testDirectory(t), 2_000);
  await log.record(anEvent());
  await postgres.crash();
  const began = performance.now();
  await refused(t, log.record(anEvent()), 'ServiceUnavailable', 'AuditUnavailable');
  t.true(performance.now() - began < 15_000);
  t.throws(() => log.admit(), { code: 'ServiceUnavailable' });
  await postgres.start();
  while (!log.isTaking) await new Promise((resolve) => setTimeout(resolve, 20));
  await log.record(anEvent());
  await log.close();
  const table = new PostgresAuditTable({ url, password });
  t.teardown(() => table.close());
  const verdict = await verifyAuditLog(logInTable(table, log.chain), { key });
  t.deepEqual([verdict.problem, verdict.events], [undefined, 3]);
});

test('a chain that a former audit key has signed stays, and the server begins another one', async (t) => {
  const url = await newDatabase();
  const directory = testDirectory(t);
  const chains: string[] = [];
  let formerKey: typeof key | undefined;
  for (const by of [signer, newSigner(), newSigner()]) {
    for (let start = 0; start < 2; start++) {
      const log = await openIn(url, directory, PATIENT_MS, { signer: by, formerKey });
      await log.record(anEvent());
      await log.close();
      if (start === 1) t.is(log.chain, String(chains.at(-1)));
      else chains.push(log.chain);
    }
    formerKey = by.publicKey;
  }
  t.is(new Set(chains).size, 3);
  const table = new PostgresAuditTable({ url, password });
  t.teardown(() => table.close());
  for (const chain of chains) {
    const verdict = await verifyAuditLog(logInTable(table, chain));
    t.deepEqual([verdict.problem, verdict.events], [undefined, 2]);
  }
});
