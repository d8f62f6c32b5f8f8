import fc from 'fast-check';
import { CURVES, type KeySpec, OCT_SIZES, type PublicKey, RSA_SIZES } from '../../src/model/key.ts';
import { KEY_OPERATIONS } from '../../src/model/key_operation.ts';
import type { ReleasePolicy } from '../../src/model/release_policy.ts';
import type { RotationPolicy } from '../../src/model/rotation_policy.ts';
import type { DocumentRecord, Intent, KeyRecord, KeyVersionRecord } from '../../src/store/store.ts';

/**
 * Records in which every field has few values, so that two of them often differ in one field alone, and in what a careless encoding
 * takes for the same: borders between texts, absent and empty, half a surrogate pair and its replacement.
 */
type Fields<Record> = { readonly [Name in keyof Record]: fc.Arbitrary<Record[Name]> };

const text = fc.string({ unit: fc.constantFrom('a', 'b', '"', '\u0000', '\ud800', '\ufffd', '🔑'), maxLength: 3 });
const integer = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.maxSafeNat());
const bytes = fc.oneof(fc.uint8Array({ max: 2, maxLength: 3 }), fc.uint8Array({ maxLength: 40 }));
const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined });

const spec: fc.Arbitrary<KeySpec> = fc.oneof(
  fc.record({
    keyType: fc.constant('RSA-HSM' as const),
    size: fc.constantFrom(...RSA_SIZES),
    publicExponent: fc.constantFrom(3, 65_537),
  }),
  fc.record({ keyType: fc.constant('EC-HSM' as const), curve: fc.constantFrom(...CURVES) }),
  fc.record({ keyType: fc.constant('oct-HSM' as const), size: fc.constantFrom(...OCT_SIZES) }),
);

/** The public half that goes with the spec, as every record has it. */
export function publicKeyOf(spec: KeySpec): fc.Arbitrary<PublicKey> {
  const { keyType } = spec;
  if (keyType === 'oct-HSM') return fc.constant({ keyType });
  if (keyType === 'RSA-HSM') return fc.record({ keyType: fc.constant(keyType), modulus: bytes, publicExponent: bytes });
  return fc.record({ keyType: fc.constant(keyType), curve: fc.constant(spec.curve), x: bytes, y: bytes });
}

const releasePolicy: fc.Arbitrary<ReleasePolicy> = fc.record({
  contentType: text,
  data: bytes,
  immutable: fc.boolean(),
});

const rotationPolicy: fc.Arbitrary<RotationPolicy> = fc.record({
  lifetimeActions: fc.array(
    fc.record({
      action: fc.constantFrom('Rotate' as const, 'Notify' as const),
      timeAfterCreate: optional(text),
      timeBeforeExpiry: optional(text),
    }),
    { maxLength: 2 },
  ),
  expiryTime: optional(text),
  created: integer,
  updated: integer,
});

export const KEY_FIELDS: Fields<KeyRecord> = {
  name: text,
  newest: text,
  versions: integer,
  deletion: optional(fc.record({ deleted: integer, scheduledPurge: integer })),
  rotationPolicy: optional(rotationPolicy),
  rotationDue: optional(integer),
  revision: integer,
};

export const KEY_VERSION_FIELDS: Fields<KeyVersionRecord> = {
  name: text,
  version: text,
  spec,
  custody: fc.constantFrom('wrapped', 'resident'),
  operations: fc.subarray([...KEY_OPERATIONS]),
  enabled: fc.boolean(),
  notBefore: optional(integer),
  expires: optional(integer),
  created: integer,
  updated: integer,
  exportable: fc.boolean(),
  releasePolicy: optional(releasePolicy),
  tags: fc.dictionary(text, text, { maxKeys: 3 }),
  publicKey: spec.chain(publicKeyOf),
  wrappedKey: optional(bytes),
  objectId: bytes,
  revision: integer,
};

export const INTENT_FIELDS: Fields<Intent> = {
  id: text,
  token: text,
  kind: fc.constantFrom('make', 'destroy'),
  name: text,
  version: text,
  objectId: bytes,
  created: integer,
};

export const DOCUMENT_FIELDS: Fields<DocumentRecord> = { collection: text, id: text, content: text, revision: integer };
