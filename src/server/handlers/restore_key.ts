import type { Call } from '../route.ts';
import { decodeBase64url } from '../wire/base64url.ts';
import type { KeyRestoreBody } from '../wire/key_backup.ts';
import { keyBundle } from '../wire/key_bundle.ts';

/** With its name and all its versions as they were. */
export async function restoreKey({ engine, authority }: Call, body: KeyRestoreBody): Promise<string> {
  return keyBundle(authority, await engine.restoreKey(decodeBase64url('value', body.value)));
}
