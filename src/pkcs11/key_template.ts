import type { KeyObjectRole } from '../model/algorithm.ts';
import {
  CURVE_BYTES,
  type EcKeySpec,
  type KeyMaterial,
  type KeyType,
  type OctKeySpec,
  type PublicKey,
  type RsaKeySpec,
} from '../model/key.ts';
import { EC_PARAMETERS, encodeEcPoint, UNCOMPRESSED } from './ec_point.ts';
import { leftPadded, withoutLeadingZeros } from './signature_format.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS, type Template } from './template.ts';

/**
 * Where an object is to live: with the session, so that nothing remains of it, or in the token under an id and a label.
 * `private` false gives up SoftHSM's in-memory encryption of a session object for speed; the object stays sensitive.
 */
export type ObjectPlacement = { readonly kind: 'session'; readonly private: boolean } | TokenPlacement;

export interface TokenPlacement {
  readonly kind: 'token';
  /** CKA_ID. */
  readonly id: Uint8Array;
  readonly label: string;
}

/** `extractable`: may leave the token once, wrapped under the KEK. `locked`: never, whatever asks. */
export type Extraction = 'extractable' | 'locked';

export interface KeyPairTemplates {
  readonly publicTemplate: Uint8Array;
  readonly privateTemplate: Uint8Array;
}

/** Every flag is named, because a token fills in those that are missing as it likes: SoftHSM gives a secret key all of them. */
const RSA_PRIVATE_USE: Template = {
  CKA_SIGN: true,
  CKA_DECRYPT: true,
  CKA_SIGN_RECOVER: false,
  CKA_UNWRAP: false,
  CKA_DERIVE: false,
};
const RSA_PUBLIC_USE: Template = {
  CKA_VERIFY: true,
  CKA_ENCRYPT: true,
  CKA_VERIFY_RECOVER: false,
  CKA_WRAP: false,
  CKA_DERIVE: false,
};
const EC_PRIVATE_USE: Template = {
  CKA_SIGN: true,
  CKA_DECRYPT: false,
  CKA_SIGN_RECOVER: false,
  CKA_UNWRAP: false,
  CKA_DERIVE: false,
};
const EC_PUBLIC_USE: Template = {
  CKA_VERIFY: true,
  CKA_ENCRYPT: false,
  CKA_VERIFY_RECOVER: false,
  CKA_WRAP: false,
  CKA_DERIVE: false,
};

/** Wrapping goes with encrypting because tokens differ on which of the two CKM_AES_KEY_WRAP is; what the key may be asked for is for the engine to say. */
const AES_USE: Template = {
  CKA_ENCRYPT: true,
  CKA_DECRYPT: true,
  CKA_WRAP: true,
  CKA_UNWRAP: true,
  CKA_SIGN: false,
  CKA_VERIFY: false,
  CKA_DERIVE: false,
};
const GENERIC_SECRET_USE: Template = {
  CKA_SIGN: true,
  CKA_VERIFY: true,
  CKA_ENCRYPT: false,
  CKA_DECRYPT: false,
  CKA_WRAP: false,
  CKA_UNWRAP: false,
  CKA_DERIVE: false,
};

const RSA_PRIVATE: Template = {
  CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_RSA,
  ...RSA_PRIVATE_USE,
};
const RSA_PUBLIC: Template = {
  CKA_CLASS: OBJECT_CLASS.CKO_PUBLIC_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_RSA,
  ...RSA_PUBLIC_USE,
};
const EC_PRIVATE: Template = {
  CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_EC,
  ...EC_PRIVATE_USE,
};
const EC_PUBLIC: Template = { CKA_CLASS: OBJECT_CLASS.CKO_PUBLIC_KEY, CKA_KEY_TYPE: KEY_TYPE.CKK_EC, ...EC_PUBLIC_USE };
const AES: Template = { CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY, CKA_KEY_TYPE: KEY_TYPE.CKK_AES, ...AES_USE };
const GENERIC_SECRET: Template = {
  CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
  CKA_KEY_TYPE: KEY_TYPE.CKK_GENERIC_SECRET,
  ...GENERIC_SECRET_USE,
};

/** For C_GenerateKeyPair. */
export function keyPairTemplates(
  spec: RsaKeySpec | EcKeySpec,
  placement: ObjectPlacement,
  extraction: Extraction,
): KeyPairTemplates {
  const place = placed(placement);
  const guard = guarded(placement, extraction);
  if (spec.keyType === 'EC-HSM') {
    return {
      publicTemplate: encodeTemplate({
        ...EC_PUBLIC,
        ...place,
        CKA_PRIVATE: false,
        CKA_EC_PARAMS: EC_PARAMETERS[spec.curve],
      }),
      privateTemplate: encodeTemplate({ ...EC_PRIVATE, ...place, ...guard }),
    };
  }
  const publicExponent = withoutLeadingZeros(bigEndian(spec.publicExponent));
  return {
    publicTemplate: encodeTemplate({
      ...RSA_PUBLIC,
      ...place,
      CKA_PRIVATE: false,
      CKA_MODULUS_BITS: spec.size,
      CKA_PUBLIC_EXPONENT: publicExponent,
    }),
    privateTemplate: encodeTemplate({ ...RSA_PRIVATE, ...place, ...guard }),
  };
}

/** For C_GenerateKey with CKM_AES_KEY_GEN. */
export function secretKeyTemplate(spec: OctKeySpec, placement: ObjectPlacement, extraction: Extraction): Uint8Array {
  return encodeTemplate({
    ...AES,
    ...placed(placement),
    ...guarded(placement, extraction),
    CKA_VALUE_LEN: spec.size / 8,
  });
}

/** Objects that a wrapped key can become: the key itself, or for an oct key also the generic secret of the same value, for HMAC. */
type SecretRole = Exclude<KeyObjectRole, 'public'>;

const UNWRAPPED: Readonly<Record<KeyType, Partial<Record<SecretRole, Template>>>> = {
  'RSA-HSM': { private: RSA_PRIVATE },
  'EC-HSM': { private: EC_PRIVATE },
  'oct-HSM': { secret: AES, genericSecret: GENERIC_SECRET },
};

const unwrappedIntoSession = new Map<string, Uint8Array>();

/**
 * For C_UnwrapKey: sensitive, and never extractable again unless that is asked for. Names neither size nor curve, which come with the key
 * (SoftHSM refuses CKA_VALUE_LEN, CKA_EC_PARAMS and the like here). Session templates are shared arrays, not to be written to.
 */
export function unwrapTemplate(
  keyType: KeyType,
  role: SecretRole,
  placement: ObjectPlacement,
  extraction: Extraction = 'locked',
): Uint8Array {
  const base = UNWRAPPED[keyType][role];
  if (base === undefined) throw new TypeError(`A key of type ${keyType} has no ${role} object.`);
  const encode = (): Uint8Array => encodeTemplate({ ...base, ...placed(placement), ...guarded(placement, extraction) });
  if (placement.kind === 'token') return encode();
  const cacheKey = `${keyType} ${role} ${placement.private} ${extraction}`;
  let encoded = unwrappedIntoSession.get(cacheKey);
  if (encoded === undefined) {
    encoded = encode();
    unwrappedIntoSession.set(cacheKey, encoded);
  }
  return encoded;
}

/** What NSS wants to be told besides when an EC key is unwrapped, whose point it would otherwise not know. Goes behind that template. */
export function pointTemplate({ x, y }: Pick<Extract<PublicKey, { keyType: 'EC-HSM' }>, 'x' | 'y'>): Uint8Array {
  return encodeTemplate({ CKA_NSS_DB: Buffer.concat([Uint8Array.of(UNCOMPRESSED), x, y]) });
}

/** For C_CreateObject of the public half, to verify and encrypt with. */
export function publicKeyTemplate(
  publicKey: Exclude<PublicKey, { keyType: 'oct-HSM' }>,
  placement: ObjectPlacement,
): Uint8Array {
  const place = { ...placed(placement), CKA_PRIVATE: false };
  if (publicKey.keyType === 'EC-HSM') {
    return encodeTemplate({
      ...EC_PUBLIC,
      ...place,
      CKA_EC_PARAMS: EC_PARAMETERS[publicKey.curve],
      CKA_EC_POINT: encodeEcPoint(publicKey.curve, publicKey.x, publicKey.y),
    });
  }
  return encodeTemplate({
    ...RSA_PUBLIC,
    ...place,
    CKA_MODULUS: withoutLeadingZeros(publicKey.modulus),
    CKA_PUBLIC_EXPONENT: withoutLeadingZeros(publicKey.publicExponent),
  });
}

/** For C_CreateObject of the private or secret half of an imported key. The caller zeroises the template, which holds the key. */
export function importTemplate(material: KeyMaterial, placement: ObjectPlacement, extraction: Extraction): Uint8Array {
  const around = { ...placed(placement), ...guarded(placement, extraction) };
  if (material.keyType === 'oct-HSM') return encodeTemplate({ ...AES, ...around, CKA_VALUE: material.value });
  if (material.keyType === 'EC-HSM') {
    const privateValue = leftPadded(material.privateValue, CURVE_BYTES[material.curve]);
    const encoded = encodeTemplate({
      ...EC_PRIVATE,
      ...around,
      CKA_EC_PARAMS: EC_PARAMETERS[material.curve],
      CKA_VALUE: privateValue,
    });
    if (privateValue !== material.privateValue) privateValue.fill(0);
    return encoded;
  }
  return encodeTemplate({
    ...RSA_PRIVATE,
    ...around,
    CKA_MODULUS: withoutLeadingZeros(material.modulus),
    CKA_PUBLIC_EXPONENT: withoutLeadingZeros(material.publicExponent),
    CKA_PRIVATE_EXPONENT: withoutLeadingZeros(material.privateExponent),
    CKA_PRIME_1: withoutLeadingZeros(material.prime1),
    CKA_PRIME_2: withoutLeadingZeros(material.prime2),
    CKA_EXPONENT_1: withoutLeadingZeros(material.exponent1),
    CKA_EXPONENT_2: withoutLeadingZeros(material.exponent2),
    CKA_COEFFICIENT: withoutLeadingZeros(material.coefficient),
  });
}

function placed(placement: ObjectPlacement): Template {
  if (placement.kind === 'session') return { CKA_TOKEN: false };
  return { CKA_TOKEN: true, CKA_ID: placement.id, CKA_LABEL: Buffer.from(placement.label, 'utf8') };
}

/** Token objects are always private: they outlive the process, and SoftHSM writes only private ones to disk encrypted. */
function guarded(placement: ObjectPlacement, extraction: Extraction): Template {
  return {
    CKA_PRIVATE: placement.kind === 'token' || placement.private,
    CKA_SENSITIVE: true,
    CKA_EXTRACTABLE: extraction === 'extractable',
  };
}

function bigEndian(integer: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(integer));
  return bytes;
}
