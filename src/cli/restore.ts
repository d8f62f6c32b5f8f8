import { beginJob, readStorage, type StorageOptions, tellJob } from './pool_job.ts';
import type { SettingOptions } from './read_settings.ts';

export interface RestoreOptions extends StorageOptions {
  readonly folder?: string | undefined;
}

/** Puts a full backup in the place of everything that the pool holds. */
export async function startRestore(options: RestoreOptions): Promise<number> {
  return beginJob(options, 'restore', 'PUT', '/restore', await placeOf(options));
}

/** Whether that would succeed: reads a backup that is named from its beginning to its end. */
export async function checkRestore(options: RestoreOptions): Promise<number> {
  return beginJob(options, 'restore', 'PUT', '/prerestore', await placeOf(options));
}

/** All versions of one key, whose name is free. */
export async function restoreKey(options: RestoreOptions, name: string): Promise<number> {
  const path = `/keys/${encodeURIComponent(name)}/restore`;
  const { sasTokenParameters, folderToRestore } = await placeOf(options);
  return beginJob(options, 'restore', 'PUT', path, { sasTokenParameters, folder: folderToRestore });
}

export function restoreStatus(options: SettingOptions, job: string): Promise<number> {
  return tellJob(options, 'restore', job);
}

async function placeOf(options: RestoreOptions) {
  return { sasTokenParameters: await readStorage(options), folderToRestore: options.folder };
}
