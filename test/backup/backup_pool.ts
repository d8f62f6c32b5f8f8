import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { roleCollections } from '../../src/access/role_documents.ts';
import { Roles } from '../../src/access/roles.ts';
import { BackupService, type BackupServiceOptions } from '../../src/backup/backup_service.ts';
import type { Job } from '../../src/backup/job.ts';
import type { KeyEngine } from '../../src/engine/key_engine.ts';
import { SETTING_COLLECTION } from '../../src/engine/lifecycle/settings.ts';
import { builtInRoles } from '../../src/model/role.ts';
import { SealedDocuments } from '../../src/store/sealed_documents.ts';
import type { TestEngine, TestEngineOptions, TestToken } from '../fixtures/softhsm_token.ts';

/** The directory that the operator has set aside. */
export const DIRECTORY = { storageResourceUri: 'file:', token: undefined };

const JOB_TIMEOUT_MS = 120_000;

/** A pool with roles and settings of its own, which can be backed up. */
export interface BackupPool extends TestEngine {
  readonly roles: Roles;
  readonly documents: SealedDocuments;
  readonly backups: BackupService;
  /** What jobs met that nobody foresaw. */
  readonly trouble: unknown[];
  /** The state of the job once it has ended. */
  done(begun: Promise<Job>): Promise<Job>;
  /** Backs it up, and answers with the folder. */
  backedUp(): Promise<string>;
}

/** Where pools of one token share a directory for backups. */
export function backupDirectory(token: TestToken): string {
  return join(token.directory, 'backups');
}

interface BackedUpParts extends Pick<BackupServiceOptions, 'store' | 'documents' | 'epoch'> {
  readonly pool: BackupServiceOptions['sealer'];
  readonly engine: KeyEngine;
  /** That the operator has set aside. */
  readonly directory: string;
}

/** Backups of a pool with its roles and settings, which nobody is told of. */
export function openBackups(
  { store, documents, pool, engine, epoch, directory }: BackedUpParts,
  different: Partial<BackupServiceOptions> = {},
): Promise<BackupService> {
  return BackupService.open({
    store,
    documents,
    sealer: pool,
    collections: [...roleCollections([]), { name: SETTING_COLLECTION }],
    hsmName: 'demo',
    server: 'here',
    storage: { directory, origins: [] },
    mostKeys: 1_000_000,
    epoch,
    restoreKey: async (key) => {
      await engine.restoreWholeKey(key);
    },
    onEnded: async () => undefined,
    onTrouble: () => undefined,
    ...different,
  });
}

export async function openBackupPool(
  token: TestToken,
  engineOptions: TestEngineOptions = {},
  different: Partial<BackupServiceOptions> = {},
): Promise<BackupPool> {
  const opened = await token.openEngine({ pool: { hosts: 1 }, ...engineOptions });
  const { pool, store, engine, epoch } = opened;
  const directory = backupDirectory(token);
  await mkdir(directory, { recursive: true });
  const documents = new SealedDocuments(pool, store);
  const roles = await openRoles(documents.within(epoch));
  const trouble: unknown[] = [];
  const onTrouble = (error: unknown): void => {
    trouble.push(error);
  };
  const backups = await openBackups({ store, documents, pool, engine, epoch, directory }, { onTrouble, ...different });
  const done = (begun: Promise<Job>): Promise<Job> => ended(backups, begun);
  return {
    ...opened,
    roles,
    documents,
    backups,
    trouble,
    done,
    backedUp: async () => folderOf(await done(backups.startBackup(DIRECTORY))),
    close: async () => {
      await backups.close();
      await opened.close();
    },
  };
}

export function openRoles(documents: SealedDocuments): Promise<Roles> {
  return Roles.open({
    documents,
    builtIn: builtInRoles({ cryptoUserMayDelete: false }),
    onTrouble: (error) => {
      throw error;
    },
  });
}

/** The state of a job once it has ended. */
export async function ended(backups: BackupService, begun: Promise<Job>): Promise<Job> {
  const { id, kind } = await begun;
  const isBackup = kind === 'backup' || kind === 'backupCheck';
  const deadline = performance.now() + JOB_TIMEOUT_MS;
  for (;;) {
    const job = await (isBackup ? backups.backup(id) : backups.restore(id));
    if (job.state !== 'InProgress') return job;
    if (performance.now() > deadline) throw new Error(`The job has not ended: ${job.details}`);
    await delay(5);
  }
}

export function folderOf(job: Job): string {
  if (job.folderUri === undefined) throw new Error(`The backup has failed: ${JSON.stringify(job.error)}`);
  return job.folderUri.slice(job.folderUri.lastIndexOf('/') + 1);
}
