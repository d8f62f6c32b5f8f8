import { badParameter, StrongroomError } from '../../model/errors.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import type { Setting } from '../requests.ts';

/** Every setting of a pool, and what it is where nobody has set it (Azure API §1.18). */
const SETTINGS: ReadonlyMap<string, boolean> = new Map([['AllowKeyManagementOperationsThroughARM', false]]);

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
      const outdone = error instanceof StrongroomError && error.innerCode === 'SettingChanged';
      if (!outdone || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

const MOST_ATTEMPTS = 5;

async function read({ records }: LifecycleParts, name: string, initial: boolean): Promise<boolean> {
  const stored = await records.findSetting(name);
  return stored === undefined ? initial : stored.value === 'true';
}

async function write({ records, store }: LifecycleParts, name: string, value: boolean): Promise<Setting> {
  const before = await records.findSetting(name);
  const revision = (before?.revision ?? 0) + 1;
  const sealed = await records.sealSetting({ name, value: String(value), revision });
  try {
    await store.putSetting(sealed, before?.revision);
  } catch (error) {
    const unknown = error instanceof StrongroomError && error.code === 'OutcomeUnknown';
    if (!unknown || (await records.findSetting(name))?.revision !== revision) throw error;
  }
  return { name, value };
}
