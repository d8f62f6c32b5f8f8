import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';
import type { DocumentChange, Store, WholeKey } from '../store/store.ts';
import type { BackedUpDocument } from './backup_entry.ts';
import { backupDamaged } from './backup_format.ts';
import type { PoolCollection } from './pool_contents.ts';
import type { PoolEpoch } from './pool_epoch.ts';
import type { RunningJob } from './running_job.ts';
import type { StoredBackup } from './stored_backup.ts';

export interface RestorePoolOptions {
  readonly store: Pick<Store, 'stageKeys' | 'clearStagedKeys' | 'replaceKeys' | 'listDocuments' | 'confirm'>;
  readonly documents: SealedDocuments;
  readonly collections: readonly PoolCollection[];
  /** How many keys the pool may hold. */
  readonly mostKeys: number;
  readonly epoch: PoolEpoch;
}

/**
 * Puts what is in the backup in the place of everything that belongs to the pool. It is read as a whole first, beside what is there, and
 * takes its place in one transaction with the success of the job: whatever ends in between, there is the one or the other.
 * @throws StrongroomError `BadParameter` (`BackupDamaged`, `KeyLimitReached`), `Conflict`, or whatever container and store throw
 */
export async function restorePool(options: RestorePoolOptions, backup: StoredBackup, job: RunningJob): Promise<void> {
  const { store, epoch } = options;
  const { keys, versions } = backup.manifest;
  if (keys > options.mostKeys) {
    const message = `The backup has ${keys} keys, and this HSM pool holds ${options.mostKeys}.`;
    throw new StrongroomError('BadParameter', message, { innerCode: 'KeyLimitReached' });
  }
  await store.clearStagedKeys();
  const documents = await stage(options, backup, job);
  job.progress(`Full restore is in progress: ${keys} keys are taking the place of those that are here`);
  await epoch.replace(async () => {
    const changes = await changesTo(options, documents);
    job.requireOurs();
    let begun: number | undefined;
    try {
      await job.succeedWith(`${keys} keys with ${versions} versions were restored`, async (change) => {
        begun = await store.replaceKeys({ job: job.id, keys, versions, documents: [...changes, change] });
      });
    } catch (error) {
      const isUnknown = error instanceof StrongroomError && error.code === 'OutcomeUnknown';
      if (!isUnknown || !(await job.hasSucceeded())) throw error;
      await store.confirm();
    }
    return begun;
  });
}

/** Reads all of it, keys into the stage of the store, and answers with the documents, which are few. */
async function stage(
  { store }: RestorePoolOptions,
  backup: StoredBackup,
  job: RunningJob,
): Promise<readonly BackedUpDocument[]> {
  const { manifest } = backup;
  const documents: BackedUpDocument[] = [];
  let waiting: WholeKey[] = [];
  let versionsWaiting = 0;
  let keys = 0;
  let versions = 0;
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await store.stageKeys(job.id, waiting);
    job.progress(`Full restore is in progress: ${keys} of ${manifest.keys} keys were read`);
    job.requireOurs();
    waiting = [];
    versionsWaiting = 0;
  };
  for await (const entry of backup.entries()) {
    if (entry.kind === 'document') documents.push(entry.document);
    else {
      waiting.push(entry.key);
      versionsWaiting += entry.key.versions.length;
      keys += 1;
      versions += entry.key.versions.length;
      if (versionsWaiting >= LIMITS.backupVersionsStagedAtOnce) await flush();
    }
  }
  await flush();
  if (keys !== manifest.keys || versions !== manifest.versions || documents.length !== manifest.documents) {
    throw backupDamaged('it holds something else than its manifest says');
  }
  return documents;
}

/**
 * Documents come back as what they were, in a revision that is higher than any that somebody may remember: an older one would be taken for
 * one that was put there by hand.
 */
async function changesTo(
  { store, documents, collections }: RestorePoolOptions,
  restored: readonly BackedUpDocument[],
): Promise<DocumentChange[]> {
  const changes: Promise<DocumentChange>[] = [];
  for (const { name, absent, adapt } of collections) {
    const present = new Map(
      (await store.listDocuments(name)).map(({ record }) => [record.id, record.revision] as const),
    );
    const wanted = new Map(restored.filter(({ collection }) => collection === name).map((each) => [each.id, each]));
    for (const id of new Set([...wanted.keys(), ...present.keys()])) {
      const before = present.get(id);
      const back = wanted.get(id);
      const content = back?.content ?? absent;
      if (content === undefined) {
        changes.push(Promise.resolve({ collection: name, id, expectedRevision: before, document: undefined }));
        continue;
      }
      const revision = Math.max(before ?? 0, back?.revision ?? 0) + 1;
      const adapted = adapt === undefined ? content : adapt(id, content);
      changes.push(documents.changeTo(name, { id, content: adapted, revision }, before));
    }
  }
  return Promise.all(changes);
}
