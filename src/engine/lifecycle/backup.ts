import { StrongroomError } from '../../model/errors.ts';
import { requireKeyName } from '../../model/key_identifier.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import { requireActive } from '../key_not_found.ts';
import { sealBackup } from './backup_envelope.ts';
import { encodeCopy, type KeyCopy } from './backup_payload.ts';
import { allVersions } from './list.ts';

const MOST_ATTEMPTS = 5;

/** All versions of a key with everything that they have, as bytes that only this pool can read. */
export async function backupKey(parts: LifecycleParts, name: string): Promise<Uint8Array> {
  requireKeyName(name);
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const copy = await copyKey(parts, name);
    if (copy !== undefined) return sealBackup(parts.pool, encodeCopy(copy));
  }
  throw new StrongroomError('Conflict', `The key ${name} is being changed.`, { innerCode: 'KeyChanged' });
}

/** As it is at one moment; undefined when it was changed while it was read. */
async function copyKey(parts: LifecycleParts, name: string): Promise<KeyCopy | undefined> {
  const { key } = requireActive(await parts.records.find(name), { name });
  const versions = await allVersions(parts, name);
  const { key: after } = requireActive(await parts.records.find(name), { name });
  if (after.revision !== key.revision) return undefined;
  if (versions.length !== key.versions) {
    throw new StrongroomError('StoreTampered', 'A record in the store is not what was stored.', {
      cause: new Error(`The key ${name} has ${versions.length} versions and should have ${key.versions}`),
    });
  }
  if (versions.some(({ custody }) => custody === 'resident')) {
    throw new StrongroomError('NotSupported', 'A key that the HSM keeps itself cannot be backed up.');
  }
  const { newest, rotationPolicy } = key;
  return { name, newest, rotationPolicy, versions };
}
