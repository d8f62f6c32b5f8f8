import type { Call } from '../route.ts';
import { keyBundle } from '../wire/key_bundle.ts';

/** Answers with the newest version. */
export async function recoverKey({ engine, key, authority }: Call): Promise<string> {
  return keyBundle(authority, await engine.recoverKey(key.name));
}
