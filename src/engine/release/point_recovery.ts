import { createECDH, ECDH } from 'node:crypto';
import { CURVE_BYTES, type Curve } from '../../model/key.ts';

/** y² = x³ + ax + b over the integers modulo p, with n points (SEC 2 v2; FIPS 186-5 leaves the same numbers). */
interface CurveParameters {
  readonly nodeName: string;
  readonly p: bigint;
  readonly a: bigint;
  readonly n: bigint;
}

const P256 = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P384 = 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n;
const P521 = 2n ** 521n - 1n;
const SECP256K1 = 2n ** 256n - 2n ** 32n - 977n;

const CURVES: Readonly<Record<Curve, CurveParameters>> = {
  'P-256': {
    nodeName: 'prime256v1',
    p: P256,
    a: P256 - 3n,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  'P-256K': {
    nodeName: 'secp256k1',
    p: SECP256K1,
    a: 0n,
    n: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  },
  'P-384': {
    nodeName: 'secp384r1',
    p: P384,
    a: P384 - 3n,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  'P-521': {
    nodeName: 'secp521r1',
    p: P521,
    a: P521 - 3n,
    n: BigInt(
      '0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409',
    ),
  },
};

/** Jacobian: x = X/Z², y = Y/Z³; Z is 0 at infinity. */
type Point = readonly [x: bigint, y: bigint, z: bigint];

export interface Coordinates {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

/**
 * The public keys under which a signature (r ‖ s) over a digest would be valid (SEC 1 v2, §4.1.6): two, of which another signature tells
 * the right one. A private key that has come wrapped does not bring its public half along, and a token does not tell it. All that goes in
 * is public, so nothing here takes equal time. An r that stands for an x past n is not looked for: there is one in 2¹²⁸.
 */
export function candidatePublicKeys(curve: Curve, digest: Uint8Array, signature: Uint8Array): readonly Coordinates[] {
  const parameters = CURVES[curve];
  const { n, p } = parameters;
  const width = CURVE_BYTES[curve];
  if (signature.length !== 2 * width) return [];
  const r = integerOf(signature.subarray(0, width));
  const s = integerOf(signature.subarray(width));
  if (r === 0n || s === 0n || r >= n || s >= n) return [];
  const inverse = inverseOf(r, n);
  const towardsGenerator = (((n - (integerOf(digest) % n)) % n) * inverse) % n;
  const towardsPoint = (s * inverse) % n;
  return [0x02, 0x03].flatMap((parity) => {
    const point = decompressed(parameters, parity, bytesOf(r, width));
    if (point === undefined || towardsGenerator === 0n) return [];
    const sum = add(
      parameters,
      multiply(parameters, point, towardsPoint),
      generated(parameters, towardsGenerator, width),
    );
    if (sum[2] === 0n) return [];
    const z = inverseOf(sum[2], p);
    const x = (sum[0] * z * z) % p;
    const y = (sum[1] * z * z * z) % p;
    return [{ x: bytesOf(x, width), y: bytesOf(y, width) }];
  });
}

function decompressed({ nodeName }: CurveParameters, parity: number, x: Uint8Array): Point | undefined {
  try {
    return pointOf(
      ECDH.convertKey(Buffer.from([parity, ...x]), nodeName, undefined, undefined, 'uncompressed') as Buffer,
    );
  } catch {
    // No point of the curve has this x.
    return undefined;
  }
}

/** A multiple of the curve's generator. */
function generated({ nodeName }: CurveParameters, scalar: bigint, width: number): Point {
  const key = createECDH(nodeName);
  key.setPrivateKey(bytesOf(scalar, width));
  return pointOf(key.getPublicKey());
}

function pointOf(uncompressed: Uint8Array): Point {
  const width = (uncompressed.length - 1) / 2;
  return [integerOf(uncompressed.subarray(1, 1 + width)), integerOf(uncompressed.subarray(1 + width)), 1n];
}

function multiply(curve: CurveParameters, point: Point, scalar: bigint): Point {
  let sum: Point = [1n, 1n, 0n];
  for (const bit of scalar.toString(2)) {
    sum = double(curve, sum);
    if (bit === '1') sum = add(curve, sum, point);
  }
  return sum;
}

function double({ a, p }: CurveParameters, [x, y, z]: Point): Point {
  const ySquare = (y * y) % p;
  const s = (4n * x * ySquare) % p;
  const m = (3n * x * x + a * z ** 4n) % p;
  const x3 = reduced(m * m - 2n * s, p);
  return [x3, reduced(m * (s - x3) - 8n * ySquare * ySquare, p), (2n * y * z) % p];
}

function add(curve: CurveParameters, one: Point, other: Point): Point {
  const { p } = curve;
  if (one[2] === 0n) return other;
  if (other[2] === 0n) return one;
  const zSquare1 = (one[2] * one[2]) % p;
  const zSquare2 = (other[2] * other[2]) % p;
  const u1 = (one[0] * zSquare2) % p;
  const s1 = (one[1] * zSquare2 * other[2]) % p;
  const h = reduced(other[0] * zSquare1 - u1, p);
  const r = reduced(other[1] * zSquare1 * one[2] - s1, p);
  if (h === 0n) return r === 0n ? double(curve, one) : [1n, 1n, 0n];
  const hSquare = (h * h) % p;
  const hCube = (h * hSquare) % p;
  const v = (u1 * hSquare) % p;
  const x = reduced(r * r - hCube - 2n * v, p);
  return [x, reduced(r * (v - x) - s1 * hCube, p), (h * one[2] * other[2]) % p];
}

function reduced(value: bigint, modulus: bigint): bigint {
  const remainder = value % modulus;
  return remainder < 0n ? remainder + modulus : remainder;
}

/** By Euclid's algorithm; the modulus is a prime. */
function inverseOf(value: bigint, modulus: bigint): bigint {
  let [previous, current] = [modulus, reduced(value, modulus)];
  let [before, inverse] = [0n, 1n];
  while (current !== 1n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [before, inverse] = [inverse, before - quotient * inverse];
  }
  return reduced(inverse, modulus);
}

const integerOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

const bytesOf = (integer: bigint, width: number): Uint8Array =>
  Uint8Array.from(Buffer.from(integer.toString(16).padStart(2 * width, '0'), 'hex'));
