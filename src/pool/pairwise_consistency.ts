import { createHash, createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto';
import type { HashName, Realisation } from '../model/algorithm.ts';
import type { Curve, PublicKey } from '../model/key.ts';
import { digestInfo } from '../pkcs11/signature_format.ts';
import type { HsmHost } from './hsm_host.ts';
import { type AskHost, askTwice, testParameter, testRequest } from './self_test_request.ts';

type SignatureHash = Exclude<HashName, 'SHA-1'>;

const MESSAGE_BYTES = 32;
const BLOCK_BYTES = 16;
const CURVE_HASH: Readonly<Record<Curve, SignatureHash>> = {
  'P-256': 'SHA-256',
  'P-256K': 'SHA-256',
  'P-384': 'SHA-384',
  'P-521': 'SHA-512',
};
const CURVE_JWK: Readonly<Record<Curve, string>> = {
  'P-256': 'P-256',
  'P-256K': 'secp256k1',
  'P-384': 'P-384',
  'P-521': 'P-521',
};
const NODE_HASH: Readonly<Record<SignatureHash, string>> = {
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};
const RSA: Realisation = { way: 'digestInfo', mechanism: 'CKM_RSA_PKCS', hash: 'SHA-256' };
const ECDSA: Realisation = { way: 'direct', mechanism: 'CKM_ECDSA' };
const AES: Realisation = { way: 'direct', mechanism: 'CKM_AES_CBC', parameter: 'iv' };

/** Undefined when the object and the public key belong together, otherwise what went wrong. */
export function checkPair(
  ask: AskHost,
  host: HsmHost,
  publicKey: PublicKey,
  object: number,
): Promise<string | undefined> {
  if (publicKey.keyType === 'oct-HSM') return checkSecretKey(ask, host, object);
  const hash = publicKey.keyType === 'EC-HSM' ? CURVE_HASH[publicKey.curve] : 'SHA-256';
  return checkKeyPair(ask, host, publicKey, object, hash);
}

async function checkKeyPair(
  ask: AskHost,
  host: HsmHost,
  publicKey: Exclude<PublicKey, { keyType: 'oct-HSM' }>,
  object: number,
  hash: SignatureHash,
): Promise<string | undefined> {
  let key: KeyObject;
  try {
    key = publicKeyObject(publicKey);
  } catch {
    return 'its public half is no such key';
  }
  const message = randomBytes(MESSAGE_BYTES);
  const digest = createHash(NODE_HASH[hash]).update(message).digest();
  const realisation = publicKey.keyType === 'EC-HSM' ? ECDSA : RSA;
  const input = publicKey.keyType === 'EC-HSM' ? digest : digestInfo(hash, digest);
  const parameter = testParameter(realisation, undefined, undefined, 0);
  const signed = await askTwice(ask, host, testRequest(realisation, 'sign', parameter, object, input));
  if (signed.returnValue !== 0) return 'its private half does not sign';
  const valid = verify(NODE_HASH[hash], message, { key, dsaEncoding: 'ieee-p1363' }, signed.answer);
  return valid ? undefined : 'its halves do not belong together';
}

async function checkSecretKey(ask: AskHost, host: HsmHost, object: number): Promise<string | undefined> {
  const block = randomBytes(BLOCK_BYTES);
  const parameter = testParameter(AES, randomBytes(BLOCK_BYTES), undefined, 0);
  const encrypted = await askTwice(ask, host, testRequest(AES, 'encrypt', parameter, object, block));
  if (encrypted.returnValue !== 0 || Buffer.compare(encrypted.answer, block) === 0) return 'it does not encrypt';
  const decrypted = await askTwice(ask, host, testRequest(AES, 'decrypt', parameter, object, encrypted.answer));
  return decrypted.returnValue === 0 && Buffer.compare(decrypted.answer, block) === 0
    ? undefined
    : 'what it encrypts it does not decrypt';
}

function publicKeyObject(publicKey: Exclude<PublicKey, { keyType: 'oct-HSM' }>): KeyObject {
  const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const key =
    publicKey.keyType === 'EC-HSM'
      ? { kty: 'EC', crv: CURVE_JWK[publicKey.curve], x: base64url(publicKey.x), y: base64url(publicKey.y) }
      : { kty: 'RSA', n: base64url(publicKey.modulus), e: base64url(publicKey.publicExponent) };
  return createPublicKey({ key, format: 'jwk' });
}
