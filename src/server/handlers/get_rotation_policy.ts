import type { Call } from '../route.ts';
import { rotationPolicyBody } from '../wire/rotation_policy.ts';

export async function getRotationPolicy({ engine, key: { name }, authority }: Call): Promise<string> {
  return rotationPolicyBody(authority, name, await engine.getRotationPolicy(name));
}
