import { badParameter, StrongroomError } from '../../model/errors.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import type { Setting } from '../requests.ts';

/** Every setting of a pool, and what it is where nobody has set it (Azure API §1.18). */
const SETTINGS: ReadonlyMap<string, boolean> = new Map([['AllowKeyManagementOperationsThroughARM', false]]);

/** Of the documents that settings are. */
export const SETTING_COLLECTION = 'setting';

export async function listSettings(parts: LifecycleParts): Promise<Setting[]> {
  return Promise.all([...SETTINGS].map(async ([name, initial]) => ({ name, value: await read(parts, name, initial) })));
}

/** @throws StrongroomError `NotFound` when there is no such setting */
export async function setSetting(parts: LifecycleParts, name: string, value: boolean): Promise<Setting> {
  if (!SETTINGS.has(name)) throw new StrongroomError('NotFound', 'There is no setting of this name.');
  if (typeof value !== 'boolean') throw badParameter('value', 'true or false', value);
  for (let attempt = 1; ; attempt++) {
    try {
      return await write(parts, name, value);
    } catch (error) {
      // Somebody else set it at the same moment: the last one wins.
      const outdone = error instanceof StrongroomError && error.innerCode === 'DocumentChanged';
      if (!outdone || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

const MOST_ATTEMPTS = 5;

async function read({ documents }: LifecycleParts, name: string, initial: boolean): Promise<boolean> {
  return (await documents.find<boolean>(SETTING_COLLECTION, name))?.content ?? initial;
}

async function write({ documents }: LifecycleParts, name: string, value: boolean): Promise<Setting> {
  const before = await documents.find<boolean>(SETTING_COLLECTION, name);
  if (before === undefined) await documents.add(SETTING_COLLECTION, name, value);
  else await documents.replace(SETTING_COLLECTION, { ...before, content: value });
  return { name, value };
}
