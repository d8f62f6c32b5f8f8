import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Attestation } from '../../model/attestation.ts';
import { StrongroomError } from '../../model/errors.ts';
import type { PublicKey } from '../../model/key.ts';
import { withoutLeadingZeros } from '../../pkcs11/signature_format.ts';

/** The key of an attested environment, which alone can open what is wrapped for it. */
export interface Recipient {
  /** As the attestation names it; absent where it does not. */
  readonly keyIdentifier: string | undefined;
  readonly publicKey: Extract<PublicKey, { keyType: 'RSA-HSM' }>;
  /** The same key for node:crypto. */
  readonly keyObject: KeyObject;
}

const SMALLEST_BITS = 2048;
const LARGEST_BITS = 8192;
const LARGEST_EXPONENT_BYTES = 4;
const BASE64URL = /^[0-9A-Za-z_-]+={0,2}$/;

/**
 * The first RSA key for encryption that the environment's runtime has stated (Azure API §1.14).
 * @throws StrongroomError `BadParameter` when there is none
 */
export function recipientOf({ claims }: Attestation): Recipient {
  const runtime = claims['x-ms-runtime'];
  const keys = isObject(runtime) && Array.isArray(runtime.keys) ? (runtime.keys as readonly unknown[]) : [];
  for (const key of keys) {
    const recipient = isObject(key) && isForEncryption(key) ? readKey(key) : undefined;
    if (recipient !== undefined) return recipient;
  }
  throw new StrongroomError(
    'BadParameter',
    `Expected an attestation with an RSA key of ${SMALLEST_BITS} to ${LARGEST_BITS} bits for encryption in x-ms-runtime.keys.`,
    { innerCode: 'NoRecipientKey' },
  );
}

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isForEncryption({ kty, use, key_use: keyUse, key_ops: operations }: Members): boolean {
  if (kty !== 'RSA') return false;
  return use === 'enc' || keyUse === 'enc' || (Array.isArray(operations) && operations.includes('encrypt'));
}

function readKey({ n, e, kid }: Members): Recipient | undefined {
  const modulus = integerOf(n);
  const publicExponent = integerOf(e);
  if (modulus === undefined || publicExponent === undefined) return undefined;
  const bits = modulus.length * 8 - Math.clz32(modulus[0] as number) + 24;
  if (bits < SMALLEST_BITS || bits > LARGEST_BITS || !isOdd(modulus)) return undefined;
  // 1 encrypts to the plaintext, and even ones are no exponents at all.
  const one = publicExponent.length === 1 && publicExponent[0] === 1;
  if (publicExponent.length > LARGEST_EXPONENT_BYTES || !isOdd(publicExponent) || one) return undefined;
  const jwk: JsonWebKey = { kty: 'RSA', n: base64url(modulus), e: base64url(publicExponent) };
  return {
    keyIdentifier: typeof kid === 'string' ? kid : undefined,
    publicKey: { keyType: 'RSA-HSM', modulus, publicExponent },
    keyObject: createPublicKey({ key: jwk, format: 'jwk' }),
  };
}

function integerOf(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length > LARGEST_BITS / 4 || !BASE64URL.test(text)) return undefined;
  return withoutLeadingZeros(Buffer.from(text, 'base64url'));
}

const isOdd = (integer: Uint8Array): boolean => ((integer.at(-1) as number) & 1) === 1;

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
