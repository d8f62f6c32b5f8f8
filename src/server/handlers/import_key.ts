import type { Call } from '../route.ts';
import { keyBundle } from '../wire/key_bundle.ts';
import { type KeyImportBody, readKeyImport, readWrappedKeyImport } from '../wire/key_import.ts';

/** A key as a caller has it, or one that only this pool can unwrap. */
export async function importKey({ engine, key, authority, parts }: Call, body: KeyImportBody): Promise<string> {
  const { key_hsm: transferBlob } = body.key;
  const imported =
    transferBlob === undefined
      ? engine.importKey(readKeyImport(key.name, body))
      : engine.importWrappedKey(
          readWrappedKeyImport(key.name, body, transferBlob, (host) => parts.hosts.resolve(host).kind === 'pool'),
        );
  return keyBundle(authority, await imported);
}
