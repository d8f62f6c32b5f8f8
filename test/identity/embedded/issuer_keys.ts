import { createLocalJWKSet } from 'jose';
import { newSigningKey, readSigningKey } from '../../../src/identity/embedded/signing_key.ts';
import type { IssuerKeys } from '../../../src/identity/embedded/signing_keys.ts';

/** One key that stays as it is. */
export async function issuerKeys(): Promise<IssuerKeys> {
  const current = await readSigningKey(await newSigningKey());
  const keySet = { keys: [current.publicJwk] };
  return { current, keySet, find: createLocalJWKSet(keySet) };
}
