import { beginJob, readStorage, type StorageOptions, tellJob } from './pool_job.ts';
import type { SettingOptions } from './read_settings.ts';

/** A full backup into a new folder of the storage; its name is the last thing that is printed. */
export async function startBackup(options: StorageOptions): Promise<number> {
  return beginJob(options, 'backup', 'POST', '/backup', (await readStorage(options)) ?? {});
}

/** Whether there can be one, and whether the storage, where one is named, would take it. */
export async function checkBackup(options: StorageOptions): Promise<number> {
  return beginJob(options, 'backup', 'POST', '/prebackup', (await readStorage(options)) ?? {});
}

export function backupStatus(options: SettingOptions, job: string): Promise<number> {
  return tellJob(options, 'backup', job);
}
