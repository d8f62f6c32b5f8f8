import { CURVE_BYTES, type Curve } from '../model/key.ts';

/** CKA_EC_PARAMS: the curve's object identifier in DER (SEC 2 for secp256k1, RFC 5480 §2.1.1.1 for the others). */
export const EC_PARAMETERS: Readonly<Record<Curve, Uint8Array>> = {
  'P-256': Buffer.from('06082a8648ce3d030107', 'hex'), // 1.2.840.10045.3.1.7
  'P-256K': Buffer.from('06052b8104000a', 'hex'), // 1.3.132.0.10
  'P-384': Buffer.from('06052b81040022', 'hex'), // 1.3.132.0.34
  'P-521': Buffer.from('06052b81040023', 'hex'), // 1.3.132.0.35
};

/** First byte of an uncompressed point (SEC 1 §2.3.3). */
export const UNCOMPRESSED = 0x04;
const OCTET_STRING = 0x04;

function octetStringHeader(length: number): number[] {
  return length < 0x80 ? [OCTET_STRING, length] : [OCTET_STRING, 0x81, length];
}

/**
 * The coordinates in a CKA_EC_POINT, as views. PKCS#11 wants the point inside a DER OCTET STRING; older devices give it bare,
 * and the two differ in length for each curve.
 * @throws TypeError when it is neither form of an uncompressed point on a curve of this size.
 */
export function decodeEcPoint(curve: Curve, attribute: Uint8Array): { x: Uint8Array; y: Uint8Array } {
  const width = CURVE_BYTES[curve];
  const pointBytes = 1 + 2 * width;
  const header = octetStringHeader(pointBytes);
  const wrapped =
    attribute.length === header.length + pointBytes && header.every((byte, index) => attribute[index] === byte);
  const point = wrapped ? attribute.subarray(header.length) : attribute;
  if (point.length !== pointBytes || point[0] !== UNCOMPRESSED) {
    throw new TypeError(`CKA_EC_POINT of ${attribute.length} bytes is not an uncompressed point on ${curve}.`);
  }
  return { x: point.subarray(1, 1 + width), y: point.subarray(1 + width) };
}

/** CKA_EC_POINT as PKCS#11 v2.40 §2.3.3 has it: the uncompressed point inside an OCTET STRING. */
export function encodeEcPoint(curve: Curve, x: Uint8Array, y: Uint8Array): Uint8Array {
  const width = CURVE_BYTES[curve];
  if (x.length !== width || y.length !== width) throw new TypeError(`A coordinate on ${curve} has ${width} bytes.`);
  return Buffer.concat([Uint8Array.from([...octetStringHeader(1 + 2 * width), UNCOMPRESSED]), x, y]);
}
