import { type Static, Type } from 'typebox';
import { Shape } from './shape.ts';

/** KeyRestoreParameters (Azure API §1.12). */
export const KEY_RESTORE = new Shape(
  Type.Object({ value: Type.String({ expected: 'base64url text' }) }, { expected: 'a JSON object' }),
);
export type KeyRestoreBody = Static<typeof KEY_RESTORE.schema>;
