import { requireKeyName } from '../../model/key_identifier.ts';
import {
  isWithoutRules,
  nextRotation,
  type RotationPolicy,
  requireRotationRules,
} from '../../model/rotation_policy.ts';
import { type LifecycleParts, secondsOf } from '../engine_parts.ts';
import { requireActive } from '../key_not_found.ts';
import { requireRotatable } from '../permission.ts';
import type { SetRotationPolicyRequest } from '../requests.ts';
import { changeKey } from './change_key.ts';

export async function getRotationPolicy(parts: LifecycleParts, name: string): Promise<RotationPolicy | undefined> {
  requireKeyName(name);
  return requireActive(await parts.records.find(name), { name }).key.rotationPolicy;
}

/** In the place of the policy before. Without rules there is none any more. */
export async function setRotationPolicy(
  parts: LifecycleParts,
  request: SetRotationPolicyRequest,
): Promise<RotationPolicy | undefined> {
  const name = requireKeyName(request.name);
  const rules = requireRotationRules(request);
  return changeKey(parts, { name }, (found) => {
    const { key, version } = requireActive(found, { name });
    if (rules.lifetimeActions.some(({ action }) => action === 'Rotate')) requireRotatable(version);
    const now = secondsOf(parts);
    const rotationPolicy = isWithoutRules(rules)
      ? undefined
      : { ...rules, created: key.rotationPolicy?.created ?? now, updated: now };
    const rotationDue = nextRotation(rotationPolicy, version);
    return { key: { ...key, rotationPolicy, rotationDue }, result: rotationPolicy };
  });
}
