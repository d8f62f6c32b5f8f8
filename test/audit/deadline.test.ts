import test from 'ava';
import { AuditLog, type AuditLogOptions } from '../../src/audit/audit_log.ts';
import type { Ledger, LineBatch } from '../../src/audit/ledger.ts';
import type { SignedHead } from '../../src/audit/tree_head.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { refused } from '../fixtures/refused.ts';
import { anEvent, newSigner, PLACE } from './test_log.ts';

/** Takes lines, refuses them, or does not answer, as it is told. */
class FakeLedger implements Ledger {
  readonly origin = { place: 'here', tail: undefined, follows: undefined };
  readonly texts: string[] = [];
  mood: 'takes' | 'fails' | 'hangs' = 'takes';
  attempts = 0;
  #hanging: (() => void)[] = [];

  async append({ text }: LineBatch): Promise<void> {
    this.attempts++;
    if (this.mood === 'hangs') await new Promise<void>((resolve) => this.#hanging.push(resolve));
    if (this.mood === 'fails') throw new Error('the disk is full');
    this.texts.push(text);
  }

  async close(): Promise<void> {
    if (this.mood === 'hangs') await new Promise<void>(() => undefined);
  }

  recover(): void {
    this.mood = 'takes';
    for (const go of this.#hanging.splice(0)) go();
  }

  get lines(): { readonly sequence: number; readonly category: string; readonly [name: string]: unknown }[] {
    return this.texts.flatMap((text) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  }
}

const signer = newSigner();

async function openOver(ledger: FakeLedger, options: Partial<AuditLogOptions> = {}): Promise<AuditLog> {
  const { publicKey } = signer;
  return AuditLog.open({ ledger, signer, publicKey, place: PLACE, onTrouble: () => undefined, ...options });
}

for (const mood of ['hangs', 'fails'] as const) {
  test(`a record that the ledger does not take (it ${mood}) ends as ServiceUnavailable within the deadline`, async (t) => {
    const ledger = new FakeLedger();
    const log = await openOver(ledger);
    // Or what is not taken is tried again for as long as the process lives.
    t.teardown(() => {
      ledger.recover();
      return log.close();
    });
    ledger.mood = mood;
    const began = performance.now();
    const recorded = log.record(anEvent());
    // A clock that has as little of the processor as the log.
    let isOver = false;
    const over = setTimeout(() => setImmediate(() => (isOver = true)), 4 * LIMITS.auditDeadlineMs);
    await refused(t, recorded, 'ServiceUnavailable', 'AuditUnavailable');
    clearTimeout(over);
    t.true(performance.now() - began >= 0.8 * LIMITS.auditDeadlineMs);
    t.false(isOver);
    t.throws(() => log.admit(), { code: 'ServiceUnavailable' }, 'nobody is let in meanwhile');
  });

  test(`a ledger that ${mood} does not keep the log from closing`, async (t) => {
    const ledger = new FakeLedger();
    const log = await openOver(ledger, { deadlineMs: 20 });
    ledger.mood = mood;
    await refused(t, log.record(anEvent()), 'ServiceUnavailable');
    const began = performance.now();
    await log.close();
    t.true(performance.now() - began < 15_000);
  });

  test(`what a ledger that ${mood} has not taken it takes later, once, with a line that tells of it`, async (t) => {
    const ledger = new FakeLedger();
    const log = await openOver(ledger, { deadlineMs: 20 });
    await log.record(anEvent());
    ledger.mood = mood;
    await Promise.all([
      refused(t, log.record(anEvent({ requestId: 'late-1' })), 'ServiceUnavailable'),
      refused(t, log.record(anEvent({ requestId: 'late-2' })), 'ServiceUnavailable'),
    ]);
    for (let i = 0; i < 3; i++) t.throws(() => log.admit());
    ledger.recover();
    await isLetIn(log);
    await log.record(anEvent({ requestId: 'after' }));
    await log.close();
    const { lines } = ledger;
    t.deepEqual(
      lines.map(({ sequence }) => sequence),
      lines.map((_, index) => index + 1),
    );
    const told = lines.find(({ category }) => category === 'AuditInterruption');
    t.deepEqual(told?.late, [[3, 4]]);
    t.true(Number(told?.refused) >= 3);
  });
}

test('a slow ledger gets many lines at a time', async (t) => {
  const ledger = new FakeLedger();
  const log = await openOver(ledger, { deadlineMs: 5_000 });
  ledger.attempts = 0;
  ledger.mood = 'hangs';
  const records: Promise<void>[] = [];
  for (let turn = 0; turn < 10; turn++) {
    for (let i = 0; i < 10; i++) records.push(log.record(anEvent()));
    await new Promise((resolve) => setImmediate(resolve));
  }
  ledger.recover();
  await Promise.all(records);
  t.is(ledger.attempts, 2);
  await log.close();
});

test('a log that cannot write its first line does not open', async (t) => {
  const ledger = new FakeLedger();
  ledger.mood = 'fails';
  const troubles: unknown[] = [];
  const attempt = openOver(ledger, { openingMs: 20, onTrouble: (_what, error) => troubles.push(error) });
  await refused(t, attempt, 'ServiceUnavailable', 'AuditUnavailable');
  t.true(troubles.length > 0);
});

test('the first line may take longer than any other, because nobody waits for an answer yet', async (t) => {
  const ledger = new FakeLedger();
  ledger.mood = 'hangs';
  const attempt = openOver(ledger, { deadlineMs: 10, openingMs: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  ledger.recover();
  const log = await attempt;
  t.true(log.isTaking);
  await log.close();
});

test('nobody is let in while more lines wait than there is room for, and who was let in is recorded', async (t) => {
  const ledger = new FakeLedger();
  const log = await openOver(ledger, { deadlineMs: 60_000 });
  ledger.mood = 'hangs';
  const event = anEvent();
  const records: Promise<void>[] = [];
  while (log.isTaking) records.push(log.record(event));
  t.is(records.length, LIMITS.auditLinesWaiting);
  t.throws(() => log.admit(), { code: 'ServiceUnavailable' });
  records.push(log.record(event));
  ledger.recover();
  await Promise.all(records);
  t.true(log.isTaking);
  await log.close();
});

test('a head is kept elsewhere once the ledger has the lines that it covers, and not before', async (t) => {
  const ledger = new FakeLedger();
  const kept: SignedHead[] = [];
  const headCopies = [{ keep: async (head: SignedHead) => void kept.push(head) }];
  const log = await openOver(ledger, { headEvery: { records: 2, ms: 60_000 }, headCopies, deadlineMs: 60_000 });
  ledger.mood = 'hangs';
  const recorded = log.record(anEvent());
  // Far longer than a signature takes.
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.is(kept.length, 0);
  ledger.recover();
  await recorded;
  await log.close();
  t.true(kept.length > 0);
  t.true(kept.every(({ treeSize }) => ledger.lines.length >= treeSize));
});

async function isLetIn(log: AuditLog): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      log.admit();
      return;
    } catch (error) {
      if (tries > 500) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
