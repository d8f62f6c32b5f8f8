import { StrongroomError } from '../../model/errors.ts';
import { requireKeyName } from '../../model/key_identifier.ts';
import type { Intent, KeyVersionRecord } from '../../store/store.ts';
import { type LifecycleParts, secondsOf } from '../engine_parts.ts';
import { requireDeleted } from '../key_not_found.ts';
import type { StoredKey } from '../sealed_store.ts';
import { changeKey } from './change_key.ts';
import { newIntent, settleIntent } from './intents.ts';
import { allVersions } from './list.ts';

/** A deleted key is gone for good, in every version. */
export async function purgeKey(parts: LifecycleParts, name: string): Promise<void> {
  requireKeyName(name);
  await purge(parts, name, (found) => {
    const { deletion } = requireDeleted(found, name);
    if (!parts.recovery.purgeProtection || secondsOf(parts) >= deletion.scheduledPurge) return;
    const message = `Operation "purge" is not allowed on the key ${name}: purge protection is enabled.`;
    throw new StrongroomError('Forbidden', message);
  });
}

/** Purges a key whose time as a deleted one is over; false when somebody else was first, or has recovered it. */
export async function purgeDueKey(parts: LifecycleParts, name: string): Promise<boolean> {
  let due = false;
  try {
    await purge(parts, name, (found) => {
      const deletion = found?.key.deletion;
      due = deletion !== undefined && deletion.scheduledPurge <= secondsOf(parts);
      if (!due) throw new StrongroomError('Conflict', `The key ${name} is not to be purged now.`);
    });
    return true;
  } catch (error) {
    if (!due) return false;
    throw error;
  }
}

/** `admit` looks at the key each time that it has been read anew, and refuses by throwing. */
async function purge(
  parts: LifecycleParts,
  name: string,
  admit: (found: StoredKey | undefined) => void,
): Promise<void> {
  const { versions, intents } = await changeKey(parts, { name }, async (found) => {
    admit(found);
    const versions = await allVersions(parts, name);
    const tokens = parts.pool.tokens.map(({ serial }) => serial);
    // Whichever token it was: the others have nothing of it, and lose nothing.
    const intents = versions
      .filter(isResident)
      .flatMap((version) => tokens.map((token) => newIntent(parts, 'destroy', token, version)));
    return { key: undefined, newIntents: intents, result: { versions, intents } };
  });
  for (const { objectId } of versions) parts.custody.discard(objectId);
  await destroyObjects(parts, intents);
}

/** The key is gone whatever becomes of its objects: what cannot be destroyed now is on record, and tried again. */
async function destroyObjects(parts: LifecycleParts, intents: readonly Intent[]): Promise<void> {
  for (const intent of intents) await settleIntent(parts, intent).catch(() => undefined);
}

const isResident = ({ custody }: KeyVersionRecord): boolean => custody === 'resident';
