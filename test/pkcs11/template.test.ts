import test from 'ava';
import fc from 'fast-check';
import pkcs11js from 'pkcs11js';
import { ATTRIBUTE_KIND } from '../../src/pkcs11/binding.ts';
import {
  decodeAttributes,
  decodeTemplate,
  encodeQuery,
  encodeTemplate,
  KEY_TYPE,
  OBJECT_CLASS,
  type Template,
} from '../../src/pkcs11/template.ts';

/** One attribute as binding.ts lays it out, written by hand. */
function record(type: number, kind: number, length: number, value: Uint8Array): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(kind, 4);
  header.writeUInt32LE(length, 8);
  return Buffer.concat([header, value]);
}

test('an attribute list has the layout that the native core reads', (t) => {
  const encoded = encodeTemplate({
    CKA_TOKEN: true,
    CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
    CKA_ID: Buffer.from([1, 2, 3]),
    CKA_LABEL: undefined,
  });
  const expected = Buffer.concat([
    record(0x001, ATTRIBUTE_KIND.bool, 1, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])),
    record(0x000, ATTRIBUTE_KIND.ulong, 8, Buffer.from([4, 0, 0, 0, 0, 0, 0, 0])),
    record(0x102, ATTRIBUTE_KIND.bytes, 3, Buffer.from([1, 2, 3, 0, 0, 0, 0, 0])),
  ]);
  t.deepEqual(Buffer.from(encoded), expected);
});

test('a query asks for each attribute without a value', (t) => {
  const expected = Buffer.concat([
    record(0x120, ATTRIBUTE_KIND.absent, 0, Buffer.alloc(0)),
    record(0x122, ATTRIBUTE_KIND.absent, 0, Buffer.alloc(0)),
  ]);
  t.deepEqual(Buffer.from(encodeQuery(['CKA_MODULUS', 'CKA_PUBLIC_EXPONENT'])), expected);
});

test('what was encoded reads back, whatever the values', (t) => {
  const template = fc.record({
    CKA_SIGN: fc.boolean(),
    CKA_MODULUS_BITS: fc.nat(),
    CKA_VALUE: fc.uint8Array({ maxLength: 70 }),
    CKA_ID: fc.uint8Array({ maxLength: 20 }),
  });
  t.notThrows(() =>
    fc.assert(
      fc.property(template, (values) => {
        const read = decodeAttributes(encodeTemplate(values));
        return (
          read.bool('CKA_SIGN') === values.CKA_SIGN &&
          read.ulong('CKA_MODULUS_BITS') === values.CKA_MODULUS_BITS &&
          Buffer.compare(read.bytes('CKA_VALUE') ?? Buffer.from('none'), values.CKA_VALUE) === 0 &&
          Buffer.compare(read.bytes('CKA_ID') ?? Buffer.from('none'), values.CKA_ID) === 0
        );
      }),
    ),
  );
});

test('an attribute that the token does not give reads as undefined', (t) => {
  const answer = decodeAttributes(encodeQuery(['CKA_VALUE', 'CKA_SIGN', 'CKA_VALUE_LEN']));
  t.is(answer.bytes('CKA_VALUE'), undefined);
  t.is(answer.bool('CKA_SIGN'), undefined);
  t.is(answer.ulong('CKA_VALUE_LEN'), undefined);
  t.is(answer.bytes('CKA_MODULUS'), undefined);
});

test('CK_UNAVAILABLE_INFORMATION reads as undefined, and a number past the exact ones is refused', (t) => {
  const all = record(0x121, ATTRIBUTE_KIND.ulong, 8, Buffer.alloc(8, 0xff));
  t.is(decodeAttributes(all).ulong('CKA_MODULUS_BITS'), undefined);
  const large = record(0x121, ATTRIBUTE_KIND.ulong, 8, Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]));
  t.throws(() => decodeAttributes(large).ulong('CKA_MODULUS_BITS'), { instanceOf: TypeError });
});

test('a malformed answer is refused', (t) => {
  const whole = encodeTemplate({ CKA_ID: Buffer.alloc(16, 1) });
  for (const length of [1, 15, 17, 31]) {
    t.throws(() => decodeAttributes(whole.subarray(0, length)), { instanceOf: TypeError }, `${length} bytes`);
  }
  const unknownKind = record(0x102, 4, 0, Buffer.alloc(0));
  t.throws(() => decodeAttributes(unknownKind), { instanceOf: TypeError });
  const endless = record(0x102, ATTRIBUTE_KIND.bytes, 0xffff_ffff, Buffer.alloc(8));
  t.throws(() => decodeAttributes(endless), { instanceOf: TypeError });
});

test('a value of the wrong width is refused when it is read', (t) => {
  const shortNumber = record(0x161, ATTRIBUTE_KIND.bytes, 4, Buffer.alloc(8));
  t.throws(() => decodeAttributes(shortNumber).ulong('CKA_VALUE_LEN'), { instanceOf: TypeError });
  const wideBool = record(0x108, ATTRIBUTE_KIND.bytes, 2, Buffer.alloc(8));
  t.throws(() => decodeAttributes(wideBool).bool('CKA_SIGN'), { instanceOf: TypeError });
});

test('decoding never reads past arbitrary bytes: it answers or throws a TypeError', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          return decodeTemplate(bytes).every(({ value }) => value === undefined || value.length <= bytes.length);
        } catch (error) {
          return error instanceof TypeError;
        }
      }),
    ),
  );
});

test('a value of the wrong type is refused when it is encoded', (t) => {
  const wrong = { CKA_SIGN: 1 } as unknown as Template;
  t.throws(() => encodeTemplate(wrong), { instanceOf: TypeError });
  const unknown = { CKA_NO_SUCH: true } as unknown as Template;
  t.throws(() => encodeTemplate(unknown), { instanceOf: TypeError });
});

test('a decoded value is a view of the bytes that were given, so that zeroising them reaches it', (t) => {
  const encoded = encodeTemplate({ CKA_VALUE: Buffer.from('secret') });
  const value = decodeAttributes(encoded).bytes('CKA_VALUE');
  encoded.fill(0);
  t.deepEqual(value && Buffer.from(value), Buffer.alloc(6));
});

test('the numbers of attributes, classes and key types are those of the header', (t) => {
  const header = pkcs11js as unknown as Record<string, number | undefined>;
  const names = [
    'CKA_CLASS',
    'CKA_TOKEN',
    'CKA_PRIVATE',
    'CKA_LABEL',
    'CKA_VALUE',
    'CKA_TRUSTED',
    'CKA_KEY_TYPE',
    'CKA_ID',
    'CKA_SENSITIVE',
    'CKA_ENCRYPT',
    'CKA_DECRYPT',
    'CKA_WRAP',
    'CKA_UNWRAP',
    'CKA_SIGN',
    'CKA_SIGN_RECOVER',
    'CKA_VERIFY',
    'CKA_VERIFY_RECOVER',
    'CKA_DERIVE',
    'CKA_MODULUS',
    'CKA_MODULUS_BITS',
    'CKA_PUBLIC_EXPONENT',
    'CKA_PRIVATE_EXPONENT',
    'CKA_PRIME_1',
    'CKA_PRIME_2',
    'CKA_EXPONENT_1',
    'CKA_EXPONENT_2',
    'CKA_COEFFICIENT',
    'CKA_VALUE_LEN',
    'CKA_EXTRACTABLE',
    'CKA_LOCAL',
    'CKA_NEVER_EXTRACTABLE',
    'CKA_ALWAYS_SENSITIVE',
    'CKA_KEY_GEN_MECHANISM',
    'CKA_MODIFIABLE',
    'CKA_COPYABLE',
    'CKA_DESTROYABLE',
    'CKA_EC_PARAMS',
    'CKA_EC_POINT',
    'CKA_ALWAYS_AUTHENTICATE',
    'CKA_WRAP_WITH_TRUSTED',
  ] as const;
  for (const name of names) {
    t.is(decodeTemplate(encodeQuery([name]))[0]?.type, header[name], name);
  }
  for (const [name, number] of Object.entries({ ...OBJECT_CLASS, ...KEY_TYPE })) t.is(header[name], number, name);
});
