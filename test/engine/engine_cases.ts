import { constants } from 'node:crypto';
import type { AlgorithmName } from '../../src/model/algorithm.ts';
import type { Curve } from '../../src/model/key.ts';
import { openTestToken, type TestToken } from '../fixtures/softhsm_token.ts';

export const NODE_HASH = { 256: 'sha256', 384: 'sha384', 512: 'sha512' } as const;
export type HashBits = keyof typeof NODE_HASH;

interface SignatureCase {
  readonly algorithm: AlgorithmName;
  readonly bits: HashBits;
  readonly padding: number;
}

export const RSA_SIGNATURES: readonly SignatureCase[] = ([256, 384, 512] as const).flatMap((bits) => [
  { algorithm: `RS${bits}`, bits, padding: constants.RSA_PKCS1_PADDING },
  { algorithm: `PS${bits}`, bits, padding: constants.RSA_PKCS1_PSS_PADDING },
]);

export const RSA_ENCRYPTIONS = [
  { algorithm: 'RSA1_5', options: { padding: constants.RSA_PKCS1_PADDING }, overhead: 11 },
  { algorithm: 'RSA-OAEP', options: { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, overhead: 42 },
  {
    algorithm: 'RSA-OAEP-256',
    options: { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    overhead: 66,
  },
] as const;

export const EC_SIGNATURES = [
  { algorithm: 'ES256', curve: 'P-256', bits: 256 },
  { algorithm: 'ES256K', curve: 'P-256K', bits: 256 },
  { algorithm: 'ES384', curve: 'P-384', bits: 384 },
  { algorithm: 'ES512', curve: 'P-521', bits: 512 },
] as const satisfies readonly { algorithm: AlgorithmName; curve: Curve; bits: HashBits }[];

/** Another device than SoftHSM. What it lacks is asked for all the same, and has to be refused. */
export interface Device {
  readonly open: () => Promise<TestToken>;
  readonly lackingCurves: ReadonlySet<Curve>;
  /** RFC 5649 of bytes of any length; SoftHSM does it for multiples of 8 alone. */
  readonly padsAnyLength: boolean;
  /** An oct-HSM key that the token keeps itself signs, which takes two secret objects. */
  readonly keepsSigningSecrets: boolean;
}

export const SOFTHSM: Device = {
  open: openTestToken,
  lackingCurves: new Set(),
  padsAnyLength: false,
  keepsSigningSecrets: true,
};
