import { badParameter } from '../../model/errors.ts';
import type { Call } from '../route.ts';
import { keyBundle } from '../wire/key_bundle.ts';
import { type KeyUpdateBody, readKeyUpdate } from '../wire/key_update.ts';

/** The newest version when none is named. */
export async function updateKey({ engine, key, authority }: Call, body: KeyUpdateBody): Promise<string> {
  const request = readKeyUpdate(key, body);
  const exportable = body.attributes?.exportable;
  // Clients send back what they have read. What they cannot have read is a change that is not to be had, and not to be passed over.
  if (exportable !== undefined && exportable !== (await engine.getKey(key)).exportable) {
    throw badParameter('attributes.exportable', 'what it was when the key was made', exportable);
  }
  return keyBundle(authority, await engine.updateKey(request));
}
