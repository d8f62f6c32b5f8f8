import { isDeepStrictEqual } from 'node:util';
import { StrongroomError } from '../../model/errors.ts';
import { requireKeyName } from '../../model/key_identifier.ts';
import { laterBy } from '../../model/rotation_policy.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import { type LifecycleParts, secondsOf } from '../engine_parts.ts';
import { requireActive } from '../key_not_found.ts';
import { requireEnabled, requireRotatable } from '../permission.ts';
import type { StoredKey } from '../sealed_store.ts';
import { generateKey } from './fresh_key.ts';
import type { KeyAttributes } from './key_attributes.ts';
import { makeKey } from './make_key.ts';

/** A new version that is like the newest one, and valid for as long as the policy says. */
export async function rotateKey(parts: LifecycleParts, name: string): Promise<KeyVersionRecord> {
  return rotate(parts, requireKeyName(name), () => undefined);
}

/** Rotates a key whose policy says that it is time; false when somebody else was first, or has taken the reason away. */
export async function rotateDueKey(parts: LifecycleParts, name: string): Promise<boolean> {
  let due = false;
  try {
    await rotate(parts, name, (found) => {
      const { deletion, rotationDue } = found?.key ?? {};
      due = deletion === undefined && rotationDue !== undefined && rotationDue <= secondsOf(parts);
      if (!due) throw new StrongroomError('Conflict', `The key ${name} is not to be rotated now.`);
    });
    return true;
  } catch (error) {
    if (!due) return false;
    throw error;
  }
}

/** `admit` looks at the key each time that it has been read anew, and refuses by throwing. */
async function rotate(
  parts: LifecycleParts,
  name: string,
  admit: (found: StoredKey | undefined) => void,
): Promise<KeyVersionRecord> {
  const read = await parts.records.find(name);
  admit(read);
  const found = requireActive(read, { name });
  const { spec, custody } = found.version;
  const order = {
    name,
    spec,
    custody,
    attributes: successorOf(found, secondsOf(parts)),
    successor: (before: StoredKey | undefined, created: number): KeyAttributes => {
      admit(before);
      const now = requireActive(before, { name });
      if (!isDeepStrictEqual(now.version.spec, spec)) {
        throw new StrongroomError('Conflict', `The key ${name} was changed while it was rotated.`);
      }
      return successorOf(now, created);
    },
  };
  return makeKey(parts, order, (pool, making) => generateKey(pool, spec, making));
}

/** @throws StrongroomError `BadParameter` (`KeyRotationPolicyNotSet`), `Forbidden` (`KeyDisabled`, `KeyOperationForbidden`) */
function successorOf({ key, version }: StoredKey, created: number): KeyAttributes {
  const { rotationPolicy } = key;
  if (rotationPolicy === undefined) {
    throw new StrongroomError('BadParameter', `The key ${key.name} has no rotation policy.`, {
      innerCode: 'KeyRotationPolicyNotSet',
    });
  }
  requireRotatable(version);
  requireEnabled(version, 'rotate');
  const { operations, tags, exportable, releasePolicy } = version;
  const { expiryTime } = rotationPolicy;
  return {
    operations,
    enabled: true,
    notBefore: undefined,
    expires: expiryTime === undefined ? undefined : laterBy(created, expiryTime),
    tags,
    exportable,
    releasePolicy,
  };
}
