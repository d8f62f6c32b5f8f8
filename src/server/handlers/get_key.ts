import type { Call } from '../route.ts';
import { keyBundle } from '../wire/key_bundle.ts';

export async function getKey({ engine, key, authority }: Call): Promise<string> {
  return keyBundle(authority, await engine.getKey(key));
}
