import { setTimeout as pause } from 'node:timers/promises';
import { StrongroomError } from '../../model/errors.ts';
import type {
  Intent,
  KeyChange,
  KeyLimits,
  KeyRecord,
  KeyVersionRecord,
  Store,
  VersionEncryptions,
} from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import type { KeyReference } from '../requests.ts';
import type { StoredKey } from '../sealed_store.ts';

/** What is to become of a key, and the answer to whoever asked for it. */
export interface PlannedChange<Result> {
  /** Its revision is the change's business; undefined removes the key. */
  readonly key: Omit<KeyRecord, 'revision'> | undefined;
  /** Those that are new or different. */
  readonly versions?: readonly KeyVersionRecord[] | undefined;
  /** What versions of a key that comes back have encrypted already. */
  readonly encryptions?: readonly VersionEncryptions[] | undefined;
  readonly endedIntents?: readonly string[] | undefined;
  readonly newIntents?: readonly Intent[] | undefined;
  readonly result: Result;
}

/** Made anew with every attempt, out of the key as it is then; refuses by throwing. */
export type ChangePlan<Result> = (
  found: StoredKey | undefined,
) => PlannedChange<Result> | Promise<PlannedChange<Result>>;

/** How often somebody else may have been first. */
const MOST_ATTEMPTS = 12;
const LONGEST_PAUSE_MS = 20;

/**
 * Every change of a key that is on record: reads it, has the change planned, seals what is new, and stores it if the key is still as it
 * was read. Where the store does not know whether it has taken the change, it is asked.
 * @throws StrongroomError whatever the plan throws; `Conflict` (`KeyChanged`) when the key never stays as it was read; `OutcomeUnknown`
 */
export function changeKey<Result>(
  parts: LifecycleParts,
  { name, version }: KeyReference,
  plan: ChangePlan<Result>,
): Promise<Result> {
  return parts.turns.take(name, async () => {
    for (let attempt = 1; ; attempt++) {
      const found = await parts.records.find(name, version);
      const planned = await plan(found);
      try {
        await commit(parts, name, found?.key.revision, planned);
        return planned.result;
      } catch (error) {
        if (!isOutdone(error) || attempt === MOST_ATTEMPTS) throw error;
      }
      // Another server is at the same key: who waits for different times does not meet it again.
      await pause(Math.random() * LONGEST_PAUSE_MS);
    }
  });
}

function isOutdone(error: unknown): boolean {
  return error instanceof StrongroomError && error.code === 'Conflict' && error.innerCode === 'KeyChanged';
}

async function commit(
  { store, records, keys, limits, clock, epoch }: LifecycleParts,
  name: string,
  expectedRevision: number | undefined,
  { key, versions = [], encryptions, endedIntents, newIntents = [] }: PlannedChange<unknown>,
): Promise<void> {
  const record = key === undefined ? undefined : { ...key, revision: (expectedRevision ?? firstRevision(clock)) + 1 };
  const [sealedKey, sealedVersions, sealedIntents] = await Promise.all([
    record === undefined ? undefined : records.sealKey(record),
    Promise.all(versions.map((each) => records.sealVersion(each))),
    Promise.all(newIntents.map((each) => records.sealIntent(each))),
  ]);
  const change: KeyChange = {
    name,
    epoch: epoch?.current,
    expectedRevision,
    key: sealedKey,
    versions: sealedVersions,
    encryptions,
    endedIntents,
    newIntents: sealedIntents,
  };
  const watch = keys.watch(name);
  try {
    await storeChange(store, change, limits);
    keys.changed(watch, record, versions);
  } catch (error) {
    keys.unchanged(watch);
    // Whatever became of it, the store is asked the next time.
    keys.forget([name]);
    throw error;
  }
}

/** Not the same for every key: who still thinks of a purged key of this name must not find the revision that he has seen. */
function firstRevision(clock: () => number): number {
  return Math.max(0, Math.floor(clock()));
}

async function storeChange(store: Store, change: KeyChange, limits: KeyLimits): Promise<void> {
  try {
    await store.changeKey(change, limits);
  } catch (error) {
    const unknown = error instanceof StrongroomError && error.code === 'OutcomeUnknown';
    if (!unknown || !(await hasHappened(store, change).catch(() => false))) throw error;
  }
}

/** Seals tell records apart: one that is in the store under the seal of this change came there by it. */
async function hasHappened(store: Store, change: KeyChange): Promise<boolean> {
  const isThere = await canBeRead(store, change);
  if (isThere) await store.confirm();
  return isThere;
}

async function canBeRead(store: Store, { name, key, versions }: KeyChange): Promise<boolean> {
  const found = await store.findKeyVersion(name, undefined);
  if (key === undefined) return found === undefined;
  if (found === undefined) return false;
  if (Buffer.compare(found.key.seal, key.seal) === 0) return true;
  // Somebody may have changed the key since.
  for (const { record, seal } of versions) {
    const kept = await store.findKeyVersion(name, record.version);
    if (kept?.version !== undefined && Buffer.compare(kept.version.seal, seal) === 0) return true;
  }
  return false;
}
