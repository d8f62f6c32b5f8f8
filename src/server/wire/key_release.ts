import { type Static, Type } from 'typebox';
import type { ReleaseEncryption } from '../../engine/requests.ts';
import { badParameter } from '../../model/errors.ts';
import { Shape } from './shape.ts';

/** KeyReleaseParameters (Azure API §1.14). */
export const KEY_RELEASE = new Shape(
  Type.Object(
    {
      target: Type.String({ minLength: 1, expected: 'an attestation token' }),
      nonce: Type.Optional(Type.String({ maxLength: 1024, expected: 'at most 1024 characters' })),
      enc: Type.Optional(Type.String({ expected: 'the name of a key encryption algorithm' })),
    },
    { expected: 'a JSON object' },
  ),
);
export type KeyReleaseBody = Static<typeof KEY_RELEASE.schema>;

const ENCRYPTIONS: readonly ReleaseEncryption[] = [
  'CKM_RSA_AES_KEY_WRAP',
  'RSA_AES_KEY_WRAP_256',
  'RSA_AES_KEY_WRAP_384',
];

/** The first one when none is named. @throws StrongroomError `BadParameter` */
export function requireReleaseEncryption(text: string = ENCRYPTIONS[0] as string): ReleaseEncryption {
  const found = ENCRYPTIONS.find((each) => each.toLowerCase() === text.toLowerCase());
  if (found === undefined) throw badParameter('enc', ENCRYPTIONS.join(', '), text);
  return found;
}

/** KeyReleaseResult. */
export function releaseResult(value: string): string {
  return JSON.stringify({ value });
}
