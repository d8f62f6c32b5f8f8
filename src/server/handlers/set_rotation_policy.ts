import type { Call } from '../route.ts';
import { type RotationPolicyBody, readRotationPolicy, rotationPolicyBody } from '../wire/rotation_policy.ts';

/** One that says nothing takes away what there was. */
export async function setRotationPolicy(
  { engine, key: { name }, authority }: Call,
  body: RotationPolicyBody,
): Promise<string> {
  return rotationPolicyBody(authority, name, await engine.setRotationPolicy(readRotationPolicy(name, body)));
}
