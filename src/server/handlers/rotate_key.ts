import type { Call } from '../route.ts';
import { keyBundle } from '../wire/key_bundle.ts';

export async function rotateKey({ engine, key, authority }: Call): Promise<string> {
  return keyBundle(authority, await engine.rotateKey(key.name));
}
