import type { Call } from '../route.ts';
import { deletedKeyBundle } from '../wire/key_bundle.ts';

/** All versions, until the key is recovered or purged. */
export async function deleteKey({ engine, key, authority }: Call): Promise<string> {
  return deletedKeyBundle(authority, await engine.deleteKey(key.name));
}
