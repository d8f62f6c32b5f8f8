/** The three kinds of key of a Managed HSM. Everything lives in the token, so the `-HSM` names are the only ones. */
export type KeyType = 'RSA-HSM' | 'EC-HSM' | 'oct-HSM';

export type Curve = 'P-256' | 'P-256K' | 'P-384' | 'P-521';

/** What a key is made of. Sizes in bits. */
export type KeySpec = RsaKeySpec | EcKeySpec | OctKeySpec;

export interface RsaKeySpec {
  readonly keyType: 'RSA-HSM';
  readonly size: 2048 | 3072 | 4096;
  readonly publicExponent: number;
}

export interface EcKeySpec {
  readonly keyType: 'EC-HSM';
  readonly curve: Curve;
}

export interface OctKeySpec {
  readonly keyType: 'oct-HSM';
  readonly size: 128 | 192 | 256;
}

/** The public half. RSA integers without leading zeros; EC coordinates at the full width of the field. */
export type PublicKey =
  | { readonly keyType: 'RSA-HSM'; readonly modulus: Uint8Array; readonly publicExponent: Uint8Array }
  | { readonly keyType: 'EC-HSM'; readonly curve: Curve; readonly x: Uint8Array; readonly y: Uint8Array }
  | { readonly keyType: 'oct-HSM' };

/** Private or secret values given by a caller who imports a key. Zeroised by the engine when the import ends, well or badly. */
export type KeyMaterial =
  | {
      readonly keyType: 'RSA-HSM';
      readonly modulus: Uint8Array;
      readonly publicExponent: Uint8Array;
      readonly privateExponent: Uint8Array;
      readonly prime1: Uint8Array;
      readonly prime2: Uint8Array;
      readonly exponent1: Uint8Array;
      readonly exponent2: Uint8Array;
      readonly coefficient: Uint8Array;
    }
  | {
      readonly keyType: 'EC-HSM';
      readonly curve: Curve;
      readonly x: Uint8Array;
      readonly y: Uint8Array;
      readonly privateValue: Uint8Array;
    }
  | { readonly keyType: 'oct-HSM'; readonly value: Uint8Array };

/** Width of a coordinate, and of each half of a signature, in bytes. */
export const CURVE_BYTES: Readonly<Record<Curve, number>> = { 'P-256': 32, 'P-256K': 32, 'P-384': 48, 'P-521': 66 };

export const RSA_SIZES = [2048, 3072, 4096] as const;
export const CURVES = ['P-256', 'P-256K', 'P-384', 'P-521'] as const;
export const OCT_SIZES = [128, 192, 256] as const;
export const DEFAULT_PUBLIC_EXPONENT = 65537;

/** Where the private half of a key version is: wrapped under the pool's KEK in the store, or an object of the token itself. */
export type Custody = 'wrapped' | 'resident';
