import { type Static, Type } from 'typebox';
import { badParameter } from '../../model/errors.ts';
import { findSecureWrapAlgorithm, type SecureWrapAlgorithmName } from '../../model/secure_wrap_algorithm.ts';
import { encodeBase64url } from './base64url.ts';
import { Shape } from './shape.ts';

const algorithm = () => Type.String({ expected: 'the name of an algorithm' });

/** The bodies of secure wrap and unwrap (Azure API §1.16). */
export const SECURE_WRAP = new Shape(Type.Object({ alg: algorithm() }, { expected: 'a JSON object' }));
export type SecureWrapBody = Static<typeof SECURE_WRAP.schema>;

export const SECURE_UNWRAP = new Shape(
  Type.Object(
    {
      alg: algorithm(),
      value: Type.String({ expected: 'base64url text' }),
      target: Type.String({ minLength: 1, expected: 'an attestation token' }),
    },
    { expected: 'a JSON object' },
  ),
);
export type SecureUnwrapBody = Static<typeof SECURE_UNWRAP.schema>;

/** @throws StrongroomError `BadParameter` */
export function requireSecureWrapAlgorithm(text: string): SecureWrapAlgorithmName {
  const row = findSecureWrapAlgorithm(text);
  if (row === undefined) throw badParameter('alg', 'the name of an algorithm of secure wrap', text);
  return row.name;
}

/** SecureKeyOperationResult. */
export function secureKeyOperationResult(kid: string, alg: SecureWrapAlgorithmName, value: Uint8Array): string {
  return JSON.stringify({ kid, alg, value: encodeBase64url(value) });
}
