import { type Static, Type } from 'typebox';
import { type AlgorithmName, findAlgorithm } from '../../model/algorithm.ts';
import { badParameter } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { Shape } from './shape.ts';

const algorithm = () => Type.String({ expected: 'the name of an algorithm' });
const binary = () => Type.String({ expected: 'base64url text' });

/** KeyOperationsParameters: encrypt, decrypt, wrapkey, unwrapkey (Azure API §1.13). */
export const KEY_OPERATION = new Shape(
  Type.Object(
    {
      alg: algorithm(),
      value: binary(),
      iv: Type.Optional(binary()),
      aad: Type.Optional(binary()),
      tag: Type.Optional(binary()),
    },
    { expected: 'a JSON object' },
  ),
);
export type KeyOperationBody = Static<typeof KEY_OPERATION.schema>;

/** KeySignParameters: `value` is the digest. */
export const KEY_SIGN = new Shape(Type.Object({ alg: algorithm(), value: binary() }, { expected: 'a JSON object' }));
export type KeySignBody = Static<typeof KEY_SIGN.schema>;

/** KeyVerifyParameters: `value` is the signature. */
export const KEY_VERIFY = new Shape(
  Type.Object({ alg: algorithm(), digest: binary(), value: binary() }, { expected: 'a JSON object' }),
);
export type KeyVerifyBody = Static<typeof KEY_VERIFY.schema>;

/** GetRandomBytesRequest (Azure API §1.17). */
export const RANDOM = new Shape(
  Type.Object(
    {
      count: Type.Integer({
        minimum: 1,
        maximum: LIMITS.randomBytes,
        expected: `an integer from 1 to ${LIMITS.randomBytes}`,
      }),
    },
    { expected: 'a JSON object' },
  ),
);
export type RandomBody = Static<typeof RANDOM.schema>;

/** @throws StrongroomError `BadParameter` when no algorithm has this name. */
export function requireAlgorithm(text: string): AlgorithmName {
  const row = findAlgorithm(text);
  if (row === undefined) throw badParameter('alg', 'the name of an algorithm', text);
  return row.name;
}
