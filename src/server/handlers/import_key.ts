import type { Call } from '../routes.ts';
import { keyBundle } from '../wire/key_bundle.ts';
import { type KeyImportBody, readKeyImport } from '../wire/key_import.ts';

export async function importKey({ engine, key, authority }: Call, body: KeyImportBody): Promise<string> {
  return keyBundle(authority, await engine.importKey(readKeyImport(key.name, body)));
}
