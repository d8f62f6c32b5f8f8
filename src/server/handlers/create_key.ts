import type { Call } from '../route.ts';
import { keyBundle } from '../wire/key_bundle.ts';
import { type KeyCreateBody, readKeyCreate } from '../wire/key_create.ts';

/** A name that exists gets a new version. */
export async function createKey({ engine, key, authority }: Call, body: KeyCreateBody): Promise<string> {
  return keyBundle(authority, await engine.createKey(readKeyCreate(key.name, body)));
}
