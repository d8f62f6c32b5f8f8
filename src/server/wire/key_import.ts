import { type Static, Type } from 'typebox';
import type { ImportKeyRequest, ImportWrappedKeyRequest, WrappedKeySpec } from '../../engine/requests.ts';
import { badParameter } from '../../model/errors.ts';
import { CURVE_BYTES, type Curve, type KeyMaterial } from '../../model/key.ts';
import { decodeBase64url } from './base64url.ts';
import { KEY_ATTRIBUTE_MEMBERS, KEY_OPS, readKeyAttributes } from './key_attributes.ts';
import { requireCurve, requireKeyType } from './key_create.ts';
import { Shape } from './shape.ts';
import { readTransferBlob } from './transfer_blob.ts';

const binary = () => Type.Optional(Type.String({ expected: 'base64url text' }));

/** KeyImportParameters (Azure API §1.10): a plain JSON Web Key (RFC 7517, RFC 7518 §6), or one that is wrapped. */
export const KEY_IMPORT = new Shape(
  Type.Object(
    {
      key: Type.Object(
        {
          kty: Type.String({ expected: 'a key type' }),
          crv: Type.Optional(Type.String({ expected: 'the name of a curve' })),
          key_ops: KEY_OPS,
          n: binary(),
          e: binary(),
          d: binary(),
          p: binary(),
          q: binary(),
          dp: binary(),
          dq: binary(),
          qi: binary(),
          x: binary(),
          y: binary(),
          k: binary(),
          key_hsm: binary(),
        },
        { expected: 'a JSON Web Key' },
      ),
      ...KEY_ATTRIBUTE_MEMBERS,
    },
    { expected: 'a JSON object' },
  ),
);

export type KeyImportBody = Static<typeof KEY_IMPORT.schema>;
type Jwk = KeyImportBody['key'];

/** The engine zeroises the material. @throws StrongroomError `BadParameter` or `KeyCurveNotSupported` */
export function readKeyImport(name: string, body: KeyImportBody): ImportKeyRequest {
  const attributes = readKeyAttributes(body, body.key.key_ops);
  return { name, material: readMaterial(body.key), ...attributes };
}

/**
 * A key that comes wrapped (Azure API §2.5): `key_hsm` in place of its values.
 * @throws StrongroomError `BadParameter` or `KeyCurveNotSupported`
 */
export function readWrappedKeyImport(
  name: string,
  { key, ...body }: KeyImportBody,
  transferBlob: string,
  isPool: (authority: string) => boolean,
): ImportWrappedKeyRequest {
  for (const secret of ['d', 'k', 'p', 'q'] as const) {
    if (key[secret] !== undefined) throw badParameter(`key.${secret}`, 'nothing beside key.key_hsm', 'a value');
  }
  const attributes = readKeyAttributes(body, key.key_ops);
  return { name, spec: readWrappedSpec(key), ...readTransferBlob(transferBlob, isPool), ...attributes };
}

function readWrappedSpec(jwk: Jwk): WrappedKeySpec {
  const keyType = requireKeyType('key.kty', jwk.kty);
  return keyType === 'EC-HSM' ? { keyType, curve: readCurve(jwk) } : { keyType };
}

function readCurve({ crv }: Jwk): Curve {
  if (crv === undefined) throw badParameter('key.crv', 'the name of a curve', undefined);
  return requireCurve(crv);
}

function readMaterial(jwk: Jwk): KeyMaterial {
  const keyType = requireKeyType('key.kty', jwk.kty);
  if (keyType === 'oct-HSM') return { keyType, value: member(jwk, 'k') };
  if (keyType === 'EC-HSM') {
    const curve = readCurve(jwk);
    const width = CURVE_BYTES[curve];
    return {
      keyType,
      curve,
      x: member(jwk, 'x', width),
      y: member(jwk, 'y', width),
      privateValue: member(jwk, 'd', width),
    };
  }
  return {
    keyType,
    modulus: member(jwk, 'n'),
    publicExponent: member(jwk, 'e'),
    privateExponent: member(jwk, 'd'),
    prime1: member(jwk, 'p'),
    prime2: member(jwk, 'q'),
    exponent1: member(jwk, 'dp'),
    exponent2: member(jwk, 'dq'),
    coefficient: member(jwk, 'qi'),
  };
}

type BinaryMember = 'n' | 'e' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi' | 'x' | 'y' | 'k';

/** `width`: RFC 7518 §6.2 wants EC values at the full width of the field. */
function member(jwk: Jwk, name: BinaryMember, width?: number): Uint8Array {
  const parameter = `key.${name}`;
  const text = jwk[name];
  if (text === undefined || text === '') throw badParameter(parameter, 'base64url text', text);
  const bytes = decodeBase64url(parameter, text);
  if (width !== undefined && bytes.length !== width) throw badParameter(parameter, `${width} bytes`, bytes);
  return bytes;
}
