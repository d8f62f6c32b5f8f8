import type { BackupPlace } from '../../src/backup/backup_service.ts';
import { type Job, type JobKind, jobNotFound } from '../../src/backup/job.ts';
import { PoolEpoch } from '../../src/backup/pool_epoch.ts';
import type { StorageLocation } from '../../src/backup/storage_location.ts';
import type { BackupService } from '../../src/server/backup_service.ts';

/** Begins whatever is asked for, and remembers it. */
export class FakeBackups implements BackupService {
  isRestoring = false;
  readonly asked: { readonly kind: JobKind; readonly request: unknown }[] = [];
  /** What the state of every job is told as. */
  job: Job = {
    id: 'f'.repeat(32),
    kind: 'backup',
    state: 'InProgress',
    details: 'is in progress',
    error: undefined,
    started: 1_790_000_000,
    ended: undefined,
    keyName: undefined,
    folderUri: undefined,
  };

  startBackup(location: StorageLocation): Promise<Job> {
    return this.#begin('backup', location);
  }

  checkBackup(location: StorageLocation | undefined): Promise<Job> {
    return this.#begin('backupCheck', location);
  }

  startRestore(place: BackupPlace): Promise<Job> {
    return this.#begin('restore', place);
  }

  checkRestore(place: BackupPlace | undefined): Promise<Job> {
    return this.#begin('restoreCheck', place);
  }

  startKeyRestore(name: string, place: BackupPlace): Promise<Job> {
    return this.#begin('keyRestore', { name, place });
  }

  backup(jobId: string): Promise<Job> {
    return this.#find(jobId);
  }

  restore(jobId: string): Promise<Job> {
    return this.#find(jobId);
  }

  async #begin(kind: JobKind, request: unknown): Promise<Job> {
    this.asked.push({ kind, request });
    return this.job;
  }

  async #find(jobId: string): Promise<Job> {
    if (jobId !== this.job.id) throw jobNotFound();
    return this.job;
  }
}

/** How often everything has been replaced: whatever a test says. */
export class FakeReplacements {
  count = 0;
  #listener: (names: undefined) => void = () => undefined;

  epoch(): Promise<PoolEpoch> {
    return PoolEpoch.open({
      countReplacements: async () => this.count,
      onKeysChanged: (listener) => {
        this.#listener = listener;
      },
    });
  }

  /** As another server does. */
  async replace(): Promise<void> {
    this.count += 1;
    this.#listener(undefined);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
