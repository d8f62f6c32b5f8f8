import { requireKeyName } from '../../model/key_identifier.ts';
import { nextRotation } from '../../model/rotation_policy.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import { requireDeleted } from '../key_not_found.ts';
import { changeKey } from './change_key.ts';

/** A deleted key is what it was before. */
export async function recoverKey(parts: LifecycleParts, name: string): Promise<KeyVersionRecord> {
  requireKeyName(name);
  return changeKey(parts, { name }, (found) => {
    const { key, version } = requireDeleted(found, name);
    const after = { ...key, deletion: undefined, rotationDue: nextRotation(key.rotationPolicy, version) };
    return { key: after, result: version };
  });
}
