import test, { type ExecutionContext } from 'ava';
import { JobBook } from '../../src/backup/job_book.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { refused } from '../fixtures/refused.ts';
import { MemoryDocumentStore, testDocuments } from '../fixtures/test_documents.ts';

/** Servers over one store, whose clock is set by hand. */
function servers(t: ExecutionContext) {
  const store = new MemoryDocumentStore();
  let nowMs = 1_790_000_000_000;
  return {
    store,
    pass: (ms: number) => {
      nowMs += ms;
    },
    open: (server: string) =>
      JobBook.open({
        documents: testDocuments(store),
        server,
        clock: () => nowMs,
        onTrouble: (error) => t.fail(String(error)),
      }),
    /** Has the others hear of changes, and waits until they have looked. */
    tell: async () => {
      store.tell(undefined);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('one server does a job, and the others refuse another one until it has ended', async (t) => {
  const { open, tell } = servers(t);
  const [here, there] = [await open('here'), await open('there')];
  const running = await here.begin('restore');
  await tell();
  t.true(here.isRestoring);
  t.true(there.isRestoring);
  for (const book of [here, there]) await refused(t, book.begin('backup'), 'Conflict', 'RestoreInProgress');
  t.like(await there.find(running.id, ['restore']), { state: 'InProgress', kind: 'restore' });
  await running.succeed('done');
  await here.ended(running);
  await tell();
  t.false(here.isRestoring);
  t.false(there.isRestoring);
  t.like(await there.find(running.id, ['restore']), { state: 'Succeeded', details: 'done', error: undefined });
  const next = await there.begin('backup');
  await tell();
  t.false(here.isRestoring, 'a backup lets everything else be done');
  await refused(t, here.begin('restore'), 'Conflict', 'BackupInProgress');
  await next.fail(new StrongroomError('Forbidden', 'No.', { innerCode: 'StorageAccessDenied' }));
  await there.ended(next);
  t.like(await here.find(next.id, ['backup']), {
    state: 'Failed',
    details: 'No.',
    error: { code: 'Forbidden', innerCode: 'StorageAccessDenied', message: 'No.' },
  });
});

test('of two that begin at the same moment, one does', async (t) => {
  const { open, store } = servers(t);
  const books = await Promise.all(['a', 'b', 'c'].map(open));
  const begun = await Promise.allSettled(books.map((book) => book.begin('backup')));
  t.is(begun.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const each of begun) if (each.status === 'rejected') t.is(each.reason.innerCode, 'BackupInProgress');
  t.is([...store.rows.keys()].filter((row) => row.startsWith('backup_job ')).length, 1);
});

test('a server that comes back has not gone on with what it was at, and others need not wait for it for long', async (t) => {
  const { open, pass, tell } = servers(t);
  const [here, there] = [await open('here'), await open('there')];
  const lost = await here.begin('restore');
  await tell();
  pass(LIMITS.backupLeaseMs - 1);
  t.true(there.isRestoring);
  pass(2);
  t.false(there.isRestoring, 'who says nothing shuts nobody out');
  t.like(await there.find(lost.id, ['restore']), { state: 'Failed', error: { innerCode: 'ServerEnded' } });
  await there.begin('backup');
  await t.throwsAsync(lost.succeed('too late'), { code: 'Conflict' });
  t.like(await there.find(lost.id, ['restore']), { state: 'Failed' });

  const other = servers(t);
  const before = await (await other.open('here')).begin('restore');
  const stranger = await other.open('there');
  t.true(stranger.isRestoring);
  const back = await other.open('here');
  t.false(back.isRestoring);
  t.like(await back.find(before.id, ['restore']), {
    state: 'Failed',
    error: { code: 'ServiceUnavailable', innerCode: 'ServerEnded' },
  });
});

test('a job that somebody else has given up changes nothing in its name', async (t) => {
  const { open, pass } = servers(t);
  const [here, there] = [await open('here'), await open('there')];
  const lost = await here.begin('restore');
  pass(LIMITS.backupLeaseMs + 1);
  await there.begin('restoreCheck');
  let replaced = false;
  const attempt = lost.succeedWith('done', async () => {
    replaced = true;
  });
  await t.throwsAsync(attempt, { code: 'Conflict' });
  t.false(replaced);
  t.throws(() => lost.requireOurs(), { code: 'Conflict' });
});

test('the last backup that has succeeded is known, and of old jobs the newest are kept', async (t) => {
  const { open, pass } = servers(t);
  const book = await open('here');
  t.is(await book.lastBackup(), undefined);
  const ids: string[] = [];
  for (let index = 0; index < LIMITS.backupJobs + 5; index++) {
    pass(1_000);
    const job = await book.begin(index === 40 ? 'backup' : 'backupCheck');
    await job.succeed('done');
    await book.ended(job);
    ids.push(job.id);
  }
  t.is(await book.lastBackup(), 1_790_000_041);
  for (const id of ids.slice(0, 5)) await refused(t, book.find(id, ['backup', 'backupCheck']), 'NotFound');
  for (const id of ids.slice(5)) t.is((await book.find(id, ['backup', 'backupCheck'])).state, 'Succeeded');
});

test('what nobody foresaw is told to nobody', async (t) => {
  const { open } = servers(t);
  const book = await open('here');
  const job = await book.begin('backup');
  await job.fail(new Error('/var/lib/secret'));
  const { error, details } = await book.find(job.id, ['backup']);
  t.is(error?.code, 'InternalError');
  t.false(JSON.stringify([error, details]).includes('secret'));
});
