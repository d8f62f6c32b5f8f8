import { requireKeyName } from '../../model/key_identifier.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import { requireDeleted, type StoredDeletedKey } from '../key_not_found.ts';

export async function getDeletedKey({ records }: LifecycleParts, name: string): Promise<StoredDeletedKey> {
  requireKeyName(name);
  return requireDeleted(await records.find(name), name);
}
