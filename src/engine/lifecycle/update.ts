import { requireKeyName, requireKeyVersion } from '../../model/key_identifier.ts';
import { nextRotation } from '../../model/rotation_policy.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import { type LifecycleParts, secondsOf } from '../engine_parts.ts';
import { requireActive } from '../key_not_found.ts';
import type { UpdateKeyRequest } from '../requests.ts';
import { changeKey } from './change_key.ts';
import { updatedAttributes } from './key_attributes.ts';

/** The version that is named, or the newest one. */
export async function updateKey(parts: LifecycleParts, request: UpdateKeyRequest): Promise<KeyVersionRecord> {
  const { name, version } = request.key;
  requireKeyName(name);
  if (version !== undefined) requireKeyVersion(version);
  return changeKey(parts, request.key, (found) => {
    const { key, version: before } = requireActive(found, request.key);
    const after: KeyVersionRecord = {
      ...before,
      ...updatedAttributes(before, request),
      updated: Math.max(secondsOf(parts), before.updated),
      revision: before.revision + 1,
    };
    const isNewest = before.version === key.newest;
    const rotationDue = isNewest ? nextRotation(key.rotationPolicy, after) : key.rotationDue;
    return { key: { ...key, rotationDue }, versions: [after], result: after };
  });
}
