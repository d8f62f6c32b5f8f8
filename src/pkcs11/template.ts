import { ATTRIBUTE_KIND } from './binding.ts';

/** CKA_* that Strongroom reads or writes, with the kind of their value (PKCS#11 v3.0, chapter 4). */
const ATTRIBUTES = {
  CKA_CLASS: [0x000, 'ulong'],
  CKA_TOKEN: [0x001, 'bool'],
  CKA_PRIVATE: [0x002, 'bool'],
  CKA_LABEL: [0x003, 'bytes'],
  CKA_VALUE: [0x011, 'bytes'],
  CKA_TRUSTED: [0x086, 'bool'],
  CKA_KEY_TYPE: [0x100, 'ulong'],
  CKA_ID: [0x102, 'bytes'],
  CKA_SENSITIVE: [0x103, 'bool'],
  CKA_ENCRYPT: [0x104, 'bool'],
  CKA_DECRYPT: [0x105, 'bool'],
  CKA_WRAP: [0x106, 'bool'],
  CKA_UNWRAP: [0x107, 'bool'],
  CKA_SIGN: [0x108, 'bool'],
  CKA_SIGN_RECOVER: [0x109, 'bool'],
  CKA_VERIFY: [0x10a, 'bool'],
  CKA_VERIFY_RECOVER: [0x10b, 'bool'],
  CKA_DERIVE: [0x10c, 'bool'],
  CKA_MODULUS: [0x120, 'bytes'],
  CKA_MODULUS_BITS: [0x121, 'ulong'],
  CKA_PUBLIC_EXPONENT: [0x122, 'bytes'],
  CKA_PRIVATE_EXPONENT: [0x123, 'bytes'],
  CKA_PRIME_1: [0x124, 'bytes'],
  CKA_PRIME_2: [0x125, 'bytes'],
  CKA_EXPONENT_1: [0x126, 'bytes'],
  CKA_EXPONENT_2: [0x127, 'bytes'],
  CKA_COEFFICIENT: [0x128, 'bytes'],
  CKA_VALUE_LEN: [0x161, 'ulong'],
  CKA_EXTRACTABLE: [0x162, 'bool'],
  CKA_LOCAL: [0x163, 'bool'],
  CKA_NEVER_EXTRACTABLE: [0x164, 'bool'],
  CKA_ALWAYS_SENSITIVE: [0x165, 'bool'],
  CKA_KEY_GEN_MECHANISM: [0x166, 'ulong'],
  CKA_MODIFIABLE: [0x170, 'bool'],
  CKA_COPYABLE: [0x171, 'bool'],
  CKA_DESTROYABLE: [0x172, 'bool'],
  CKA_EC_PARAMS: [0x180, 'bytes'],
  CKA_EC_POINT: [0x181, 'bytes'],
  CKA_ALWAYS_AUTHENTICATE: [0x202, 'bool'],
  CKA_WRAP_WITH_TRUSTED: [0x210, 'bool'],
  /** Of NSS alone: the public half of a private key. */
  CKA_NSS_DB: [0xd5a0_db00, 'bytes'],
} as const satisfies Record<string, readonly [number, AttributeValueKind]>;

type AttributeValueKind = 'bool' | 'ulong' | 'bytes';
type ValueOfKind = { bool: boolean; ulong: number; bytes: Uint8Array };

export type AttributeName = keyof typeof ATTRIBUTES;
type NamesOfKind<Kind extends AttributeValueKind> = {
  [Name in AttributeName]: (typeof ATTRIBUTES)[Name][1] extends Kind ? Name : never;
}[AttributeName];

/** An attribute list by name; each value has the type of its attribute. */
export type Template = { readonly [Name in AttributeName]?: ValueOfKind[(typeof ATTRIBUTES)[Name][1]] | undefined };

/** CK_TOKEN_INFO.model of a token that knows CKA_NSS_DB, and cannot unwrap an EC key without it. */
export const NSS_MODEL = /^NSS /;

/** CKA_CLASS */
export const OBJECT_CLASS = { CKO_PUBLIC_KEY: 2, CKO_PRIVATE_KEY: 3, CKO_SECRET_KEY: 4 } as const;

/** CKA_KEY_TYPE */
export const KEY_TYPE = { CKK_RSA: 0x00, CKK_EC: 0x03, CKK_GENERIC_SECRET: 0x10, CKK_AES: 0x1f } as const;

const HEADER_BYTES = 16;
const ULONG_BYTES = 8;
const padded = (length: number): number => (length + 7) & ~7;

/**
 * An attribute list as the native core takes it (binding.ts, ATTRIBUTE_KIND). Where it holds a secret value, the caller zeroises it.
 */
export function encodeTemplate(template: Template): Uint8Array {
  const entries = Object.entries(template).filter(([, value]) => value !== undefined) as [
    AttributeName,
    boolean | number | Uint8Array,
  ][];
  const encoded = Buffer.alloc(entries.reduce((sum, [, value]) => sum + HEADER_BYTES + padded(valueBytes(value)), 0));
  let at = 0;
  for (const [name, value] of entries) {
    const [type, kind] = attribute(name);
    const length = valueBytes(value);
    encoded.writeUInt32LE(type, at);
    encoded.writeUInt32LE(ATTRIBUTE_KIND[kind], at + 4);
    encoded.writeUInt32LE(length, at + 8);
    writeValue(encoded, at + HEADER_BYTES, name, kind, value);
    at += HEADER_BYTES + padded(length);
  }
  return encoded;
}

/** Asks for these attributes of an object. */
export function encodeQuery(names: readonly AttributeName[]): Uint8Array {
  const encoded = Buffer.alloc(names.length * HEADER_BYTES);
  names.forEach((name, index) => {
    encoded.writeUInt32LE(attribute(name)[0], index * HEADER_BYTES);
    encoded.writeUInt32LE(ATTRIBUTE_KIND.absent, index * HEADER_BYTES + 4);
  });
  return encoded;
}

function attribute(name: AttributeName): readonly [number, AttributeValueKind] {
  const row = ATTRIBUTES[name];
  if (row === undefined) throw new TypeError(`Unknown attribute ${name}.`);
  return row;
}

function valueBytes(value: boolean | number | Uint8Array): number {
  if (typeof value === 'boolean') return 1;
  return typeof value === 'number' ? ULONG_BYTES : value.length;
}

function writeValue(
  encoded: Buffer,
  at: number,
  name: AttributeName,
  kind: AttributeValueKind,
  value: boolean | number | Uint8Array,
): void {
  if (kind === 'bool' && typeof value === 'boolean') encoded[at] = value ? 1 : 0;
  else if (kind === 'ulong' && typeof value === 'number') encoded.writeBigUInt64LE(BigInt(value), at);
  else if (kind === 'bytes' && value instanceof Uint8Array) encoded.set(value, at);
  else throw new TypeError(`${name} takes a value of kind ${kind}.`);
}

/** One attribute as it is on the wire. `value` is a view, not a copy; undefined where the token does not give it. */
export interface EncodedAttribute {
  readonly type: number;
  readonly kind: number;
  readonly value: Uint8Array | undefined;
}

/** Takes an attribute list apart. @throws TypeError when it is malformed. */
export function decodeTemplate(encoded: Uint8Array): EncodedAttribute[] {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const attributes: EncodedAttribute[] = [];
  let at = 0;
  while (at < encoded.length) {
    if (encoded.length - at < HEADER_BYTES) throw new TypeError('An attribute list ends inside a header.');
    const kind = view.getUint32(at + 4, true);
    const length = view.getUint32(at + 8, true);
    const start = at + HEADER_BYTES;
    if (kind > ATTRIBUTE_KIND.absent) throw new TypeError(`An attribute has the unknown kind ${kind}.`);
    if (length > encoded.length - start) throw new TypeError('An attribute list ends inside a value.');
    const value = kind === ATTRIBUTE_KIND.absent ? undefined : encoded.subarray(start, start + length);
    attributes.push({ type: view.getUint32(at, true), kind, value });
    at = start + padded(length);
  }
  return attributes;
}

/** CK_UNAVAILABLE_INFORMATION: the token has no number to give. */
const UNAVAILABLE = 0xffff_ffff_ffff_ffffn;

/** The token's answer to a query. An attribute that it does not give reads as undefined. */
class Attributes {
  readonly #values = new Map<number, Uint8Array | undefined>();

  constructor(answer: Uint8Array) {
    for (const { type, value } of decodeTemplate(answer)) this.#values.set(type, value);
  }

  /** @throws TypeError when the value is not one byte. */
  bool(name: NamesOfKind<'bool'>): boolean | undefined {
    const value = this.#values.get(attribute(name)[0]);
    if (value === undefined) return undefined;
    if (value.length !== 1) throw new TypeError(`${name} has ${value.length} bytes where CK_BBOOL has 1.`);
    return value[0] !== 0;
  }

  /** @throws TypeError when the value is not as long as CK_ULONG, or past what a number holds exactly. */
  ulong(name: NamesOfKind<'ulong'>): number | undefined {
    const value = this.#values.get(attribute(name)[0]);
    if (value === undefined) return undefined;
    if (value.length !== ULONG_BYTES)
      throw new TypeError(`${name} has ${value.length} bytes where CK_ULONG has ${ULONG_BYTES}.`);
    const number = new DataView(value.buffer, value.byteOffset, ULONG_BYTES).getBigUint64(0, true);
    if (number === UNAVAILABLE) return undefined;
    if (number > Number.MAX_SAFE_INTEGER) throw new TypeError(`${name} is too large.`);
    return Number(number);
  }

  /** A view of the answer, not a copy. */
  bytes(name: NamesOfKind<'bytes'>): Uint8Array | undefined {
    return this.#values.get(attribute(name)[0]);
  }
}

export type { Attributes };

/** Reads the answer to a query. @throws TypeError when it is malformed. */
export function decodeAttributes(answer: Uint8Array): Attributes {
  return new Attributes(answer);
}
