import { CURVE_BYTES, type Curve } from '../model/key.ts';
import { DIGEST_BYTES } from './mechanism.ts';

type SignatureHash = 'SHA-256' | 'SHA-384' | 'SHA-512';

/** DER of a DigestInfo up to the digest itself (RFC 8017 §9.2, note 1). */
const DIGEST_INFO_PREFIX: Readonly<Record<SignatureHash, Uint8Array>> = {
  'SHA-256': Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  'SHA-384': Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  'SHA-512': Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

/** What CKM_RSA_PKCS signs for RS256, RS384 and RS512: the digest inside a DigestInfo. */
export function digestInfo(hash: SignatureHash, digest: Uint8Array): Uint8Array {
  if (digest.length !== DIGEST_BYTES[hash]) throw new TypeError(`A digest of ${hash} has ${DIGEST_BYTES[hash]} bytes.`);
  const prefix = DIGEST_INFO_PREFIX[hash];
  const encoded = Buffer.allocUnsafe(prefix.length + digest.length);
  encoded.set(prefix, 0);
  encoded.set(digest, prefix.length);
  return encoded;
}

/** A big-endian integer in its shortest form, as a view; zero keeps one byte. Devices differ on leading zeros in CKA_MODULUS. */
export function withoutLeadingZeros(integer: Uint8Array): Uint8Array {
  let start = 0;
  while (start < integer.length - 1 && integer[start] === 0) start += 1;
  return start === 0 ? integer : integer.subarray(start);
}

/**
 * A big-endian integer at exactly this width; the same array when it has it already.
 * @throws TypeError when the integer does not fit.
 */
export function leftPadded(integer: Uint8Array, width: number): Uint8Array {
  if (integer.length === width) return integer;
  const shortest = withoutLeadingZeros(integer);
  if (shortest.length > width)
    throw new TypeError(`An integer of ${shortest.length} bytes does not fit into ${width}.`);
  const padded = Buffer.alloc(width);
  padded.set(shortest, width - shortest.length);
  return padded;
}

/** An ECDSA signature as PKCS#11 and IEEE P1363 have it, r ‖ s at the width of the field. @throws TypeError at any other length. */
export function rawEcdsaSignature(curve: Curve, signature: Uint8Array): Uint8Array {
  if (signature.length !== 2 * CURVE_BYTES[curve]) {
    throw new TypeError(`A signature on ${curve} has ${2 * CURVE_BYTES[curve]} bytes, this one ${signature.length}.`);
  }
  return signature;
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * r ‖ s out of an Ecdsa-Sig-Value in DER (RFC 3279 §2.2.3), for devices that answer with one.
 * @throws TypeError when it is not that in DER, to the last byte.
 */
export function rawEcdsaSignatureFromDer(curve: Curve, der: Uint8Array): Uint8Array {
  const width = CURVE_BYTES[curve];
  const sequence = readElement(der, 0, SEQUENCE);
  const r = readElement(der, sequence.start, INTEGER);
  const s = readElement(der, r.end, INTEGER);
  if (sequence.end !== der.length || s.end !== sequence.end) throw malformed();
  const raw = Buffer.alloc(2 * width);
  placeInteger(raw, 0, width, der.subarray(r.start, r.end));
  placeInteger(raw, width, width, der.subarray(s.start, s.end));
  return raw;
}

/** The other way round, for what takes DER (X.509). Of curves up to 384 bits, whose signatures need no longer form of length. */
export function derEcdsaSignature(raw: Uint8Array): Uint8Array {
  const width = raw.length / 2;
  const content = Buffer.concat([derInteger(raw.subarray(0, width)), derInteger(raw.subarray(width))]);
  if (content.length >= 0x80) throw new TypeError(`A signature of ${raw.length} bytes is too long for this.`);
  return Buffer.concat([Uint8Array.of(SEQUENCE, content.length), content]);
}

/** A zero byte goes before a first bit that would make it negative. */
function derInteger(integer: Uint8Array): Uint8Array {
  const shortest = withoutLeadingZeros(integer);
  const sign = (shortest[0] as number) >= 0x80 ? [0] : [];
  return Uint8Array.from([INTEGER, sign.length + shortest.length, ...sign, ...shortest]);
}

function readElement(der: Uint8Array, at: number, tag: number): { start: number; end: number } {
  const first = der[at + 1];
  if (der[at] !== tag || first === undefined) throw malformed();
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    // No signature on these curves is longer than 255 bytes, so the length has one byte more at most, and DER wants it needed.
    length = der[at + 2] ?? 0;
    start = at + 3;
    if (first !== 0x81 || length < 0x80) throw malformed();
  }
  if (start + length > der.length) throw malformed();
  return { start, end: start + length };
}

function placeInteger(raw: Buffer, at: number, width: number, integer: Uint8Array): void {
  const [first, second] = integer;
  const negative = first === undefined || first >= 0x80;
  const padded = first === 0 && (second === undefined || second < 0x80);
  const value = first === 0 ? integer.subarray(1) : integer;
  // Zero is no part of a signature, so a lone zero byte counts as malformed too.
  if (negative || padded || value.length > width) throw malformed();
  raw.set(value, at + width - value.length);
}

function malformed(): TypeError {
  return new TypeError('The token gave an ECDSA signature that is not an Ecdsa-Sig-Value in DER.');
}
