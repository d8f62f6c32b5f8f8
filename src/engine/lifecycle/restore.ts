import { StrongroomError } from '../../model/errors.ts';
import { nextRotation } from '../../model/rotation_policy.ts';
import type { KeyVersionRecord, VersionEncryptions, WholeKey } from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import type { StoredKey } from '../sealed_store.ts';
import { openBackup } from './backup_envelope.ts';
import { decodeCopy, type KeyCopy } from './backup_payload.ts';
import { changeKey } from './change_key.ts';
import { requireFreeName } from './make_key.ts';

/** A key as it was when it was backed up, under its name, with the ids of its versions. */
export async function restoreKey(parts: LifecycleParts, backup: Uint8Array): Promise<KeyVersionRecord> {
  return restoreCopy(parts, decodeCopy(await openBackup(parts.pool, backup)), undefined);
}

/** Likewise, out of a backup that has been opened. */
function restoreCopy(
  parts: LifecycleParts,
  { name, newest, rotationPolicy, versions }: KeyCopy,
  encryptions: readonly VersionEncryptions[] | undefined,
): Promise<KeyVersionRecord> {
  const newestVersion = versions.find(({ version }) => version === newest);
  if (newestVersion === undefined) throw new TypeError('A backup was sealed without the newest version of its key.');
  return changeKey(parts, { name }, (found) => {
    requireNoKey(name, found);
    const rotationDue = nextRotation(rotationPolicy, newestVersion);
    const key = { name, newest, versions: versions.length, deletion: undefined, rotationPolicy, rotationDue };
    return { key, versions, encryptions, result: newestVersion };
  });
}

/** Likewise, as a backup of the pool has it, with what each version has encrypted. Deleted when it was backed up, it is not any more. */
export function restoreWholeKey(
  parts: LifecycleParts,
  { key: { record }, versions }: WholeKey,
): Promise<KeyVersionRecord> {
  const { name, newest, rotationPolicy } = record;
  const records = versions.map(({ version }) => version.record);
  const counts = versions.map(({ version: { record: each }, encryptions }) => ({ version: each.version, encryptions }));
  return restoreCopy(parts, { name, newest, rotationPolicy, versions: records }, counts);
}

/** @throws StrongroomError `Conflict` */
function requireNoKey(name: string, found: StoredKey | undefined): void {
  requireFreeName(name, found);
  if (found !== undefined) throw new StrongroomError('Conflict', `The key ${name} is there already.`);
}
