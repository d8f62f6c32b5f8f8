import type { Call } from '../route.ts';
import { attestedKeyBundle } from '../wire/key_bundle.ts';

export async function attestKey({ engine, key, authority }: Call): Promise<string> {
  return attestedKeyBundle(authority, await engine.attestKey(key));
}
