import { createECDH, type KeyObject, randomBytes } from 'node:crypto';

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** ECDSA over a digest as it is (FIPS 186-5 §6.4.1), as a token's CKM_ECDSA does it and Node's own `sign` does not. */
export function p256Raw(key: KeyObject, digest: Uint8Array): Uint8Array {
  const secret = toInteger(Buffer.from(String(key.export({ format: 'jwk' }).d), 'base64url'));
  const once = randomBytes(32);
  once[0] = 1;
  const point = createECDH('prime256v1');
  point.setPrivateKey(once);
  const r = toInteger(point.getPublicKey().subarray(1, 33)) % ORDER;
  const s = (power(toInteger(once), ORDER - 2n) * (toInteger(digest) + r * secret)) % ORDER;
  return Buffer.concat([toBytes(r), toBytes(s)]);
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}

function power(value: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = value % ORDER;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % ORDER;
    square = (square * square) % ORDER;
  }
  return result;
}
