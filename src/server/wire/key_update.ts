import { type Static, Type } from 'typebox';
import type { KeyReference, UpdateKeyRequest } from '../../engine/requests.ts';
import { KEY_ATTRIBUTE_MEMBERS, KEY_OPS, readChangedAttributes } from './key_attributes.ts';
import { Shape } from './shape.ts';

/** KeyUpdateParameters (Azure API §1.10). */
export const KEY_UPDATE = new Shape(
  Type.Object({ key_ops: KEY_OPS, ...KEY_ATTRIBUTE_MEMBERS }, { expected: 'a JSON object' }),
);

export type KeyUpdateBody = Static<typeof KEY_UPDATE.schema>;

/** @throws StrongroomError `BadParameter` */
export function readKeyUpdate(key: KeyReference, body: KeyUpdateBody): UpdateKeyRequest {
  return { key, ...readChangedAttributes(body, body.key_ops) };
}
