import { badParameter } from '../../model/errors.ts';
import { requireKeyName, requireKeyVersion } from '../../model/key_identifier.ts';
import { LIMITS } from '../../model/limits.ts';
import type { KeyVersionRecord, ListQuery } from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import { requireActive, requireDeleted, type StoredDeletedKey } from '../key_not_found.ts';
import type { Page, PageRequest } from '../requests.ts';

/** The newest version of each key, by name. */
export async function listKeys({ records }: LifecycleParts, request: PageRequest): Promise<Page<KeyVersionRecord>> {
  const query = readQuery(request, requireKeyName);
  const versions = (await records.listKeys('active', query)).map(({ version }) => version);
  return pageOf(versions, request.limit, ({ name }) => name);
}

export async function listDeletedKeys(
  { records }: LifecycleParts,
  request: PageRequest,
): Promise<Page<StoredDeletedKey>> {
  const query = readQuery(request, requireKeyName);
  const keys = (await records.listKeys('deleted', query)).map((found) => requireDeleted(found, found.key.name));
  return pageOf(keys, request.limit, ({ key }) => key.name);
}

/** By version. */
export async function listKeyVersions(
  { records }: LifecycleParts,
  name: string,
  request: PageRequest,
): Promise<Page<KeyVersionRecord>> {
  requireKeyName(name);
  const query = readQuery(request, requireKeyVersion);
  requireActive(await records.find(name), { name });
  return pageOf(await records.listVersions(name, query), request.limit, ({ version }) => version);
}

/** Every version of a key, deleted or not. */
export async function allVersions({ records }: LifecycleParts, name: string): Promise<KeyVersionRecord[]> {
  const versions: KeyVersionRecord[] = [];
  for (;;) {
    const limit = LIMITS.listedAtOnce;
    const page = await records.listVersions(name, { after: versions.at(-1)?.version, limit });
    versions.push(...page);
    if (page.length < limit) return versions;
  }
}

/** One more than is asked for tells whether there are more. */
function readQuery(
  { after, limit }: PageRequest,
  requirePlace: (place: unknown, parameter: string) => string,
): ListQuery {
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMITS.listedAtOnce) {
    throw badParameter('limit', `an integer from 1 to ${LIMITS.listedAtOnce}`, limit);
  }
  return { after: after === undefined ? undefined : requirePlace(after, 'after'), limit: limit + 1 };
}

function pageOf<Item>(found: readonly Item[], limit: number, placeOf: (item: Item) => string): Page<Item> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, next: found.length > limit && last !== undefined ? placeOf(last) : undefined };
}
