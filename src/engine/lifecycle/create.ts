import { requireKeyName } from '../../model/key_identifier.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import type { CreateKeyRequest } from '../requests.ts';
import { generateKey } from './fresh_key.ts';
import { readAttributes } from './key_attributes.ts';
import { requireCustodyName, requireSpec } from './key_spec.ts';
import { makeKey } from './make_key.ts';

/** A new key, or a new version of one that is there. */
export async function createKey(parts: LifecycleParts, request: CreateKeyRequest): Promise<KeyVersionRecord> {
  const name = requireKeyName(request.name);
  const spec = requireSpec(request.spec);
  const attributes = readAttributes(request, spec.keyType);
  const custody = requireCustodyName(request.custody ?? parts.defaultCustody);
  return makeKey(parts, { name, spec, attributes, custody }, (pool, making) => generateKey(pool, spec, making));
}
