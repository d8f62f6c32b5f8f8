import { badParameter, StrongroomError } from '../../model/errors.ts';
import {
  CURVE_BYTES,
  CURVES,
  type Custody,
  type KeyMaterial,
  type KeySpec,
  OCT_SIZES,
  type PublicKey,
  RSA_SIZES,
} from '../../model/key.ts';
import { withoutLeadingZeros } from '../../pkcs11/signature_format.ts';
import { lengthBounds, requireBytes } from '../input_bounds.ts';

const LARGEST_EXPONENT = 2 ** 32 - 1;

/** @throws StrongroomError `BadParameter`, `KeyCurveNotSupported` */
export function requireSpec(spec: KeySpec): KeySpec {
  switch (spec.keyType) {
    case 'RSA-HSM':
      requireOneOf('key_size', RSA_SIZES, spec.size);
      requireExponent(spec.publicExponent);
      return { keyType: spec.keyType, size: spec.size, publicExponent: spec.publicExponent };
    case 'EC-HSM':
      requireCurve(spec.curve);
      return { keyType: spec.keyType, curve: spec.curve };
    case 'oct-HSM':
      requireOneOf('key_size', OCT_SIZES, spec.size);
      return { keyType: spec.keyType, size: spec.size };
    default:
      throw badParameter('kty', 'RSA-HSM, EC-HSM or oct-HSM', (spec as { keyType: unknown }).keyType);
  }
}

/** Even ones are no exponents at all, and 1 encrypts to the plaintext. */
function requireExponent(exponent: number): void {
  if (!Number.isInteger(exponent) || exponent < 3 || exponent > LARGEST_EXPONENT || exponent % 2 === 0) {
    throw badParameter('public_exponent', `an odd integer from 3 to ${LARGEST_EXPONENT}`, exponent);
  }
}

/** @throws StrongroomError `KeyCurveNotSupported` */
export function requireCurve(curve: unknown): void {
  if (CURVES.some((each) => each === curve)) return;
  throw new StrongroomError('KeyCurveNotSupported', 'The specified key curve is not supported');
}

function requireOneOf<Value>(parameter: string, values: readonly Value[], value: unknown): asserts value is Value {
  if (!values.some((each) => each === value)) throw badParameter(parameter, values.join(', '), value);
}

/** @throws StrongroomError `BadParameter` */
export function requireCustodyName(custody: Custody): Custody {
  requireOneOf('custody', ['wrapped', 'resident'], custody);
  return custody;
}

/** What a caller's key material says that it is. @throws StrongroomError `BadParameter`, `KeyCurveNotSupported` */
export function specOfMaterial(material: KeyMaterial): KeySpec {
  switch (material.keyType) {
    case 'RSA-HSM':
      return rsaSpec(material);
    case 'EC-HSM':
      return ecSpec(material);
    case 'oct-HSM':
      requireMember('k', material.value);
      return requireSpec({ keyType: 'oct-HSM', size: (material.value.length * 8) as 128 });
    default:
      throw badParameter('kty', 'RSA-HSM, EC-HSM or oct-HSM', (material as { keyType: unknown }).keyType);
  }
}

type MaterialOf<Type> = Extract<KeyMaterial, { keyType: Type }>;

function rsaSpec(material: MaterialOf<'RSA-HSM'>): KeySpec {
  const { modulus, publicExponent, privateExponent, prime1, prime2, exponent1, exponent2, coefficient } = material;
  const members = {
    n: modulus,
    e: publicExponent,
    d: privateExponent,
    p: prime1,
    q: prime2,
    dp: exponent1,
    dq: exponent2,
    qi: coefficient,
  };
  for (const [name, value] of Object.entries(members)) requireMember(name, value);
  const n = withoutLeadingZeros(modulus);
  const e = withoutLeadingZeros(publicExponent);
  if (((n.at(-1) as number) & 1) === 0) throw badParameter('n', 'an odd modulus', 'an even one');
  if (e.length > 4) throw badParameter('e', 'at most 4 bytes', e);
  const size = n.length * 8 - Math.clz32(n[0] as number) + 24;
  return requireSpec({
    keyType: 'RSA-HSM',
    size: size as 2048,
    publicExponent: e.reduce((sum, byte) => sum * 256 + byte, 0),
  });
}

/** Order of each curve (SEC 2 v2, FIPS 186-5): a private value is from 1 to one less. */
const CURVE_ORDER = {
  'P-256': 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  'P-256K': 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
  'P-384': 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  'P-521':
    '01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409',
} as const;

function ecSpec({ curve, x, y, privateValue }: MaterialOf<'EC-HSM'>): KeySpec {
  const spec = requireSpec({ keyType: 'EC-HSM', curve });
  const width = lengthBounds(CURVE_BYTES[curve], CURVE_BYTES[curve]);
  requireBytes('x', width, x);
  requireBytes('y', width, y);
  requireBytes('d', width, privateValue);
  if (!isBelow(privateValue, Buffer.from(CURVE_ORDER[curve], 'hex')) || privateValue.every((byte) => byte === 0)) {
    throw badParameter('d', `a private value of ${curve}`, privateValue);
  }
  return spec;
}

/** Looks at every byte, whatever they are. */
function isBelow(value: Uint8Array, bound: Uint8Array): boolean {
  let borrow = 0;
  for (let index = value.length - 1; index >= 0; index--) {
    borrow = (value[index] as number) - (bound[index] as number) - borrow < 0 ? 1 : 0;
  }
  return borrow === 1;
}

const LONGEST_MEMBER_BYTES = 1024;

function requireMember(name: string, value: unknown): void {
  const fits = value instanceof Uint8Array && value.length > 0 && value.length <= LONGEST_MEMBER_BYTES;
  if (!fits) throw badParameter(name, `1 to ${LONGEST_MEMBER_BYTES} bytes`, value);
}

/** The public half of what a caller gave, as copies. */
export function publicKeyOfMaterial(material: KeyMaterial): PublicKey {
  if (material.keyType === 'oct-HSM') return { keyType: material.keyType };
  if (material.keyType === 'EC-HSM') {
    const { curve, x, y } = material;
    return { keyType: material.keyType, curve, x: new Uint8Array(x), y: new Uint8Array(y) };
  }
  return {
    keyType: material.keyType,
    modulus: new Uint8Array(withoutLeadingZeros(material.modulus)),
    publicExponent: new Uint8Array(withoutLeadingZeros(material.publicExponent)),
  };
}

/** Overwrites every value in it, whatever it is. */
export function wipeMaterial(material: KeyMaterial): void {
  for (const value of Object.values(material)) if (value instanceof Uint8Array) value.fill(0);
}
