import type { Call } from '../route.ts';
import { deletedKeyBundle } from '../wire/key_bundle.ts';

export async function getDeletedKey({ engine, key, authority }: Call): Promise<string> {
  return deletedKeyBundle(authority, await engine.getDeletedKey(key.name));
}
