import { requireKeyName } from '../../model/key_identifier.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import type { ImportKeyRequest } from '../requests.ts';
import { bringInKey } from './fresh_key.ts';
import { readAttributes } from './key_attributes.ts';
import { requireCustodyName, specOfMaterial, wipeMaterial } from './key_spec.ts';
import { makeKey } from './make_key.ts';

/** A caller's key. What he gave is zeroised when this ends, well or badly. */
export async function importKey(parts: LifecycleParts, request: ImportKeyRequest): Promise<KeyVersionRecord> {
  const { material } = request;
  try {
    const name = requireKeyName(request.name);
    const spec = specOfMaterial(material);
    const attributes = readAttributes(request, spec.keyType);
    const custody = requireCustodyName(request.custody ?? parts.defaultCustody);
    const order = { name, spec, attributes, custody };
    return await makeKey(parts, order, (pool, making) => bringInKey(pool, material, making));
  } finally {
    wipeMaterial(material);
  }
}
