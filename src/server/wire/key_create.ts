import { type Static, Type } from 'typebox';
import type { CreateKeyRequest } from '../../engine/requests.ts';
import { badParameter, StrongroomError } from '../../model/errors.ts';
import {
  CURVES,
  type Curve,
  DEFAULT_PUBLIC_EXPONENT,
  type KeySpec,
  type KeyType,
  OCT_SIZES,
  RSA_SIZES,
} from '../../model/key.ts';
import { KEY_ATTRIBUTE_MEMBERS, KEY_OPS, readKeyAttributes } from './key_attributes.ts';
import { Shape } from './shape.ts';

/** KeyCreateParameters (Azure API §1.10). */
export const KEY_CREATE = new Shape(
  Type.Object(
    {
      kty: Type.String({ expected: 'a key type' }),
      key_size: Type.Optional(Type.Integer({ expected: 'an integer' })),
      public_exponent: Type.Optional(Type.Integer({ expected: 'an integer' })),
      crv: Type.Optional(Type.String({ expected: 'the name of a curve' })),
      key_ops: KEY_OPS,
      ...KEY_ATTRIBUTE_MEMBERS,
    },
    { expected: 'a JSON object' },
  ),
);

export type KeyCreateBody = Static<typeof KEY_CREATE.schema>;

/** @throws StrongroomError `BadParameter` or `KeyCurveNotSupported` */
export function readKeyCreate(name: string, body: KeyCreateBody): CreateKeyRequest {
  return { name, spec: readSpec(body), ...readKeyAttributes(body, body.key_ops) };
}

const KEY_TYPES: ReadonlyMap<string, KeyType> = new Map([
  ['rsa', 'RSA-HSM'],
  ['rsa-hsm', 'RSA-HSM'],
  ['ec', 'EC-HSM'],
  ['ec-hsm', 'EC-HSM'],
  ['oct', 'oct-HSM'],
  ['oct-hsm', 'oct-HSM'],
]);

/** Everything is kept in the HSM: a request for `RSA` is one for `RSA-HSM`. */
export function requireKeyType(parameter: string, text: string): KeyType {
  const keyType = KEY_TYPES.get(text.toLowerCase());
  if (keyType === undefined) throw badParameter(parameter, 'RSA, RSA-HSM, EC, EC-HSM, oct or oct-HSM', text);
  return keyType;
}

const CURVES_BY_FOLDED_NAME: ReadonlyMap<string, Curve> = new Map([
  ...CURVES.map((curve) => [curve.toLowerCase(), curve] as const),
  ['secp256k1', 'P-256K'],
]);

export function requireCurve(text: string): Curve {
  const curve = CURVES_BY_FOLDED_NAME.get(text.toLowerCase());
  if (curve === undefined)
    throw new StrongroomError('KeyCurveNotSupported', 'The specified key curve is not supported');
  return curve;
}

const DEFAULT_RSA_SIZE = 2048;
const DEFAULT_CURVE = 'P-256';
const DEFAULT_OCT_SIZE = 256;

/** A member that says nothing about this type of key is a misunderstanding, and better told than passed over. */
function readSpec(body: KeyCreateBody): KeySpec {
  const keyType = requireKeyType('kty', body.kty);
  if (keyType === 'EC-HSM') {
    refuseMember('key_size', body.key_size, keyType);
    refuseMember('public_exponent', body.public_exponent, keyType);
    return { keyType, curve: body.crv === undefined ? DEFAULT_CURVE : requireCurve(body.crv) };
  }
  refuseMember('crv', body.crv, keyType);
  if (keyType === 'RSA-HSM') {
    const size = requireSize(body.key_size ?? DEFAULT_RSA_SIZE, RSA_SIZES);
    return { keyType, size, publicExponent: body.public_exponent ?? DEFAULT_PUBLIC_EXPONENT };
  }
  refuseMember('public_exponent', body.public_exponent, keyType);
  return { keyType, size: requireSize(body.key_size ?? DEFAULT_OCT_SIZE, OCT_SIZES) };
}

function refuseMember(parameter: string, value: unknown, keyType: KeyType): void {
  if (value !== undefined) throw badParameter(parameter, `nothing with kty ${keyType}`, value);
}

function requireSize<const S extends number>(size: number, sizes: readonly S[]): S {
  const found = sizes.find((each) => each === size);
  if (found === undefined) throw badParameter('key_size', sizes.join(', '), size);
  return found;
}
