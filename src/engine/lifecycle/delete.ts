import { requireKeyName } from '../../model/key_identifier.ts';
import { type LifecycleParts, secondsOf } from '../engine_parts.ts';
import { requireActive, type StoredDeletedKey } from '../key_not_found.ts';
import { changeKey } from './change_key.ts';

const SECONDS_PER_DAY = 86_400;

/** All versions at once. Until it is purged the key can be recovered, and its name is taken. */
export async function deleteKey(parts: LifecycleParts, name: string): Promise<StoredDeletedKey> {
  requireKeyName(name);
  return changeKey(parts, { name }, (found) => {
    const { key, version } = requireActive(found, { name });
    const deleted = secondsOf(parts);
    const deletion = { deleted, scheduledPurge: deleted + parts.recovery.retentionDays * SECONDS_PER_DAY };
    // What is deleted is not rotated.
    const after = { ...key, deletion, rotationDue: undefined };
    return { key: after, result: { key, version, deletion } };
  });
}
