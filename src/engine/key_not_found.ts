import { StrongroomError } from '../model/errors.ts';
import type { KeyReference } from './requests.ts';
import type { StoredKey } from './sealed_store.ts';

/** A deleted key is not there for anything but the operations on deleted keys. @throws StrongroomError `KeyNotFound` */
export function requireActive(found: StoredKey | undefined, { name, version }: KeyReference): StoredKey {
  if (found !== undefined && found.key.deletion === undefined) return found;
  const id = version === undefined ? name : `${name}/${version}`;
  throw new StrongroomError('KeyNotFound', `A key with (name/id) ${id} was not found in this HSM pool.`);
}

export interface StoredDeletedKey extends StoredKey {
  readonly deletion: NonNullable<StoredKey['key']['deletion']>;
}

/** @throws StrongroomError `KeyNotFound` */
export function requireDeleted(found: StoredKey | undefined, name: string): StoredDeletedKey {
  const deletion = found?.key.deletion;
  if (found === undefined || deletion === undefined) {
    throw new StrongroomError('KeyNotFound', `Deleted Key not found: ${name}`);
  }
  return { ...found, deletion };
}
